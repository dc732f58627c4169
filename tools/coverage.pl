# coverage.pl files-to-be-whole list < output of gcov --json-format --stdout
#
# The table of tools/coverage, which says what is counted.
use strict;
use warnings;
use JSON::PP;

my ($whole, $list) = @ARGV;
my %whole = map { ("src/$_.c" => 1) } split ' ', $whole;
my %lines;       # file, line: times it ran
my %branches;    # file, line, number: times it was taken

while (my $object = <STDIN>)
{
	for my $file (@{ decode_json($object)->{files} })
	{
		my $name = $file->{file};
		next if $name !~ m{^src/\w+\.[ch]$};
		for my $line (@{ $file->{lines} })
		{
			my $number = $line->{line_number};
			my $n = 0;
			$lines{$name}{$number} += $line->{count};
			$branches{$name}{$number}[ $n++ ] += $_->{count} for @{ $line->{branches} };
		}
	}
}

# Which lines are none of ours to run, and whose branches are not ours.
sub read_source
{
	my ($name) = @_;
	my (%impossible, %hidden, %brace, @text);

	open(my $in, '<', $name) or die "$name: $!";
	@text = ('', <$in>);
	close($in);
	s{/\*.*?\*/}{}g for @text;
	for (my $i = 1; $i < @text; $i++)
	{
		if ($text[$i] =~ /^\s*(ereport|elog)\(/)
		{
			my $cannot = $1 eq 'elog';

			mark_condition(\@text, $i, \%impossible) if $cannot;
			while ()
			{
				$hidden{$i} = 1;
				$impossible{$i} = 1 if $cannot;
				last if $text[$i] =~ /;\s*$/;
				$i++;
			}
		}
		elsif ($text[$i] !~ /\b(if|while|for|switch|case)\b|\?|&&|\|\||Max\(|Min\(/ &&
			$text[ $i - 1 ] !~ /(&&|\|\||\?|:|\()\s*$/)
		{
			$hidden{$i} = 1;
		}
	}
	$brace{$_} = $text[$_] =~ /^}$/ for 1 .. $#text;
	return (\%impossible, \%hidden, \%brace);
}

# The lines of the if that stands before.
sub mark_condition
{
	my ($text, $line, $marks) = @_;

	for (my $i = $line - 1; $i > 0 && $i > $line - 6; $i--)
	{
		last if $text->[$i] =~ /;\s*$|[{}]\s*$/;
		$marks->{$i} = 2;
		last if $text->[$i] =~ /\b(if|else)\b/;
	}
}

my (%sum, @missing, $short);
printf "%-28s %8s %8s\n", 'file', 'lines', 'branches';
for my $name (sort keys %lines)
{
	my ($impossible, $hidden, $brace) = read_source($name);
	my %count = (lines => [ 0, 0 ], branches => [ 0, 0 ]);

	for my $number (sort { $a <=> $b } keys %{ $lines{$name} })
	{
		# The end of a function whose last statement is an error.
		next if ($impossible->{$number} // 0) == 1 || (!$lines{$name}{$number} && $brace->{$number});
		$count{lines}[1]++;
		$count{lines}[0]++ if $lines{$name}{$number};
		push @missing, "$name:$number: never ran" if !$lines{$name}{$number};
		next if $hidden->{$number} || $impossible->{$number};
		for my $taken (@{ $branches{$name}{$number} // [] })
		{
			$count{branches}[1]++;
			$count{branches}[0]++ if $taken;
		}
		my $never = grep { !$_ } @{ $branches{$name}{$number} // [] };
		push @missing, "$name:$number: $never never taken" if $never && $lines{$name}{$number};
	}
	printf "%-28s %8s %8s\n", $name, map { percent(@{ $count{$_} }) } qw(lines branches);
	if ($whole{$name} && $count{branches}[0] < $count{branches}[1])
	{
		$short .= "$name: not every branch was taken\n";
	}
	for my $kind (qw(lines branches))
	{
		$sum{$kind}[$_] += $count{$kind}[$_] for 0, 1;
	}
}

sub percent
{
	my ($some, $all) = @_;
	return $all ? sprintf('%.1f %%', 100 * $some / $all) : '';
}

print "\n", map { "$_\n" } @missing if $list;
printf "\n%-28s %8s %8s\n", 'all', map { percent(@{ $sum{$_} }) } qw(lines branches);
for (['lines', 95], ['branches', 90])
{
	my ($kind, $least) = @$_;
	my ($some, $all) = @{ $sum{$kind} };

	$short .= "$some of $all $kind are less than $least %\n" if 100 * $some < $least * $all;
}
print $short // '';
exit($short ? 1 : 0);
