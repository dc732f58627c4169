# Draws the lines of plot.sql as SVG: two panels, decisions a second against clients, one line for each competitor.
BEGIN {
	FS = ";"
	split("#1668dc #6b7280 #d97706 #b91c6b", colors, " ")
	split("hot spread", panels, " ")
	titles["hot"] = "hot: all clients spend of one agent"
	titles["spread"] = "spread: 10 000 agents, at random"
	width = 400
	height = 300
	left["hot"] = 70
	left["spread"] = 550
	top = 120
}
{
	value[$1, $2, $4] = $5
	names[$2] = $3
	places = $2 > places ? $2 : places
	if (!($4 in clients)) {
		clients[$4]
		order[++numbers] = $4
	}
	if ($5 + 0 > most)
		most = $5 + 0
	if ($4 + 0 > widest)
		widest = $4 + 0
}
END {
	if (NR == 0)
		exit 1
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 475\" width=\"1000\" height=\"475\" " \
		"font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#1f2937\">"
	print "<!-- Made by: BENCH_PARTS=plot make bench -->"
	print "<rect width=\"1000\" height=\"475\" fill=\"#ffffff\"/>"
	text(500, 30, "middle", "Decisions a second by the number of clients, synchronous_commit = off", "font-size=\"17\" font-weight=\"bold\"")
	legend()
	step = step_of(most)
	ceiling = step * (int(most / step) + 1)
	for (i = 1; i <= 2; i++)
		panel(panels[i])
	print "</svg>"
}

function x(name, number)
{
	return left[name] + width * log(number) / log(widest > 1 ? widest : 2)
}

function y(rate)
{
	return top + height - height * rate / ceiling
}

function text(at, down, anchor, words, more)
{
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>\n", at, down, anchor, more, words
}

function line(from_x, from_y, to_x, to_y, color)
{
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", from_x, from_y, to_x, to_y, color
}

# A round distance of lines, of which there are four to eight.
function step_of(rate,    step)
{
	step = 1
	while (step * 10 <= rate / 4)
		step *= 10
	if (step * 5 <= rate / 4)
		return step * 5
	return step * 2 <= rate / 4 ? step * 2 : step
}

function thousands(number)
{
	return number < 1000 ? number : int(number / 1000) " " substr(sprintf("%06d", number), 4)
}

function legend(    place, at)
{
	at = 45
	for (place = 1; place <= places; place++) {
		line(at, 60, at + 30, 60, colors[place])
		mark(place, at + 15, 60)
		text(at + 38, 64, "start", names[place])
		at += 60 + length(names[place]) * 7
	}
}

# Told apart without colors, too.
function mark(place, at, down)
{
	if (place == 1)
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\"/>\n", at, down, colors[place]
	else if (place == 2)
		printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" fill=\"%s\"/>\n", at - 4, down - 4, colors[place]
	else if (place == 3)
		printf "<path d=\"M %.1f %.1f l 5 9 h -10 z\" fill=\"%s\"/>\n", at, down - 5, colors[place]
	else
		printf "<path d=\"M %.1f %.1f l 5.5 5.5 l -5.5 5.5 l -5.5 -5.5 z\" fill=\"%s\"/>\n", at, down - 5.5, colors[place]
}

function panel(name,    i, place, points, rate)
{
	text(left[name] + width / 2, top - 15, "middle", titles[name], "font-size=\"14\" font-weight=\"bold\"")
	for (rate = 0; rate <= ceiling; rate += step) {
		line(left[name], y(rate), left[name] + width, y(rate), rate ? "#e5e7eb" : "#6b7280")
		text(left[name] - 8, y(rate) + 4, "end", thousands(rate))
	}
	for (i = 1; i <= numbers; i++) {
		line(x(name, order[i]), top + height, x(name, order[i]), top + height + 5, "#6b7280")
		text(x(name, order[i]), top + height + 20, "middle", order[i])
	}
	text(left[name] + width / 2, top + height + 42, "middle", "clients")
	# Ours last, so that it lies on top.
	for (place = places; place >= 1; place--) {
		points = ""
		for (i = 1; i <= numbers; i++)
			if ((name, place, order[i]) in value)
				points = points sprintf("%.1f,%.1f ", x(name, order[i]), y(value[name, place, order[i]]))
		printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"/>\n", points, colors[place],
			place == 1 ? 3 : 2
		for (i = 1; i <= numbers; i++)
			if ((name, place, order[i]) in value)
				mark(place, x(name, order[i]), y(value[name, place, order[i]]))
	}
}
