# Does a session that has called a hundred thousand times hold more memory than one that has called a thousand times?
#
# Calls of every kind (memory.sql) are repeated in one session, first each in its own transaction, then in savepoints of one
# transaction. After a warm-up neither what the server knows of its memory contexts nor what the process has of malloc()
# may grow. MEMORY_CALLS is how many calls there are in all.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant MOST => 64 * 1024;

my $calls = $ENV{MEMORY_CALLS} // 100_000;

my $library = PostgreSQL::Test::Utils::tempdir . '/malloc.so';
my $headers = `"$ENV{SYSTEM_PG_CONFIG}" --includedir-server`;
chomp $headers;
system_or_bail('cc', '-O1', '-shared', '-fPIC', "-I$headers", '-o', $library, 'test/t/malloc.c');

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nfsync = off\nmax_wal_size = 4GB\n");
$node->start;
$node->psql('postgres', slurp_file('test/t/memory.sql'), on_error_die => 1, extra_params => [ '-v', 'ON_ERROR_STOP=1', '-v', "library=$library" ]);

# Calls of all kinds first, so that the most that one of them needs for a moment is there.
my $script = "SET client_min_messages = error;\n";
for my $in_one (0, 1)
{
	my $kinds = $node->safe_psql('postgres', 'SELECT kind, share FROM memory.call' . ($in_one ? ' WHERE in_one' : '') . ' ORDER BY share DESC, kind');
	my $which = $in_one ? 'true' : 'false';

	$script .= "BEGIN;\n" if $in_one;
	for my $warming (1, 0)
	{
		for (split /\n/, $kinds)
		{
			my ($kind, $share) = /^(.*)\|(\d+)$/;
			my $times = int($calls * $share / 1000 / ($in_one ? 5 : 1)) || 1;
			my $few = $warming ? 100 : int($times / 4) + 10;

			$kind =~ s/'/''/g;
			$script .= <<"SQL";
SELECT call FROM memory.call WHERE kind = '$kind' \\gset
CALL memory.repeat(:'call', $few, $which);
SQL
			next if $warming;
			# What the server remembers of its catalogs comes and goes; what leaks comes each time.
			$script .= "SELECT true AS grew \\gset\n";
			$script .= <<"SQL" for 1 .. 3;
\\if :grew
SELECT * FROM memory.held() \\gset before_
CALL memory.repeat(:'call', $times, $which);
SELECT * FROM memory.held() \\gset after_
SELECT :after_process - :before_process - (:after_noted - :before_noted) >= 65536 AS grew \\gset
\\endif
SQL
			$script .= <<"SQL";
INSERT INTO memory.growth (kind, in_one, calls, noted, contexts, process)
SELECT '$kind', $which, $times, :after_noted - :before_noted, :after_contexts - :before_contexts, :after_process - :before_process;
SQL
		}
	}
	$script .= "COMMIT;\n" if $in_one;
}
$script .= "SELECT split_part(stat, ' ', 14)::int + split_part(stat, ' ', 15)::int FROM pg_read_file('/proc/self/stat') AS stat;\n";
my ($status, $out, $error) = $node->psql('postgres', $script, extra_params => [ '-v', 'ON_ERROR_STOP=1' ]);
is($error, '', 'the calls are made');
note(($out =~ /(\d+)\s*\z/)[0] / 100, ' seconds of the processor');

# A change of a row takes a note of a few dozen bytes, in tables that double; a call changes two rows at most, a batch of ten eleven.
for (split /\n/, $node->safe_psql('postgres', 'SELECT kind, in_one, calls, noted, contexts, process FROM memory.growth ORDER BY place'))
{
	my ($kind, $in_one, $times, $noted, $contexts, $process) = split /\|/;
	my $name = "$kind, $times times" . ($in_one eq 't' ? ' in one transaction' : '');

	# The server doubles its tables of them where they are full, and keeps two while it does.
	cmp_ok($noted, '<=', $in_one eq 't' ? 3 * (256 * $times * ($kind eq 'many' ? 11 : 2) + MOST) : 0, "$name: only changes are noted");
	cmp_ok($contexts, '<', MOST, "$name: the contexts stay");
	cmp_ok($process - $noted, '<', MOST, "$name: the process stays");
	note("noted $noted, contexts $contexts, process $process");
}
$node->stop;
done_testing();
