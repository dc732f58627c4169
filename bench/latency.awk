# Of pgbench's lines for each transaction (client, number, microseconds, script, and its end in seconds and microseconds),
# sorted by the third: how many ended a second, their median in milliseconds, the 99th percentile in parts of the median,
# and how many the slowest session had in parts of what the session in the middle had.  Give lead, the seconds at the
# beginning that are left out, and clients, because a session that got nothing has no line.
{
	if (NR == 1)
		base = $5
	end[NR] = $5 - base + $6 / 1000000
	taken[NR] = $3
	client[NR] = $1
	if (NR == 1 || end[NR] < first)
		first = end[NR]
	if (NR == 1 || end[NR] > last)
		last = end[NR]
}
END {
	for (i = 1; i <= NR; i++)
		if (end[i] > first + lead) {
			latency[++number] = taken[i]
			count[client[i]]++
		}
	if (number == 0)
		exit 1
	for (i = 0; i < clients; i++) {
		value = count[i] + 0
		for (j = i; j > 0 && sorted[j - 1] > value; j--)
			sorted[j] = sorted[j - 1]
		sorted[j] = value
	}
	middle = latency[int((number + 1) / 2)]
	common = sorted[int(clients / 2)]
	printf "%.0f %.3f %.2f %.2f\n", number / (last - first - lead), middle / 1000, latency[int((number * 99 + 99) / 100)] / middle,
		(common ? sorted[0] / common : 0)
}
