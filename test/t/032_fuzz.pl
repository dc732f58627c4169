# Do the parts that need no table answer as a slow way to the same answer does, whatever they are given?
#
# libFuzzer runs inside a server that serves nobody else (../fuzz). Each target first goes through its inputs of
# ../fuzz/corpus and then looks for others for FUZZ_SECONDS. FUZZ_SEED (1) repeats a search; FUZZ_TARGETS names some of
# the targets. An input that was found is shown in full; put it into the corpus.
use strict;
use warnings;

use Cwd qw(getcwd);
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Variant;

# Whoever plants a bug waits for every target before the one that finds it.
my $seconds = $ENV{FUZZ_SECONDS} // ($ENV{MUTANT} ? 4 : 8);
my $seed = $ENV{FUZZ_SEED} // 1;
my @targets = split ' ', $ENV{FUZZ_TARGETS} // 'amount window merchant quoted instant duration policy';

my $library = qx'echo "$(clang -print-resource-dir)/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a"';
chomp $library;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $tree = getcwd;
my $include = qx($ENV{SYSTEM_PG_CONFIG} --includedir-server);
chomp $include;
my $mutant = $ENV{MUTANT} ? "-DLA_MUTANT=$ENV{MUTANT}" : '';
my $sources = join ' ', glob("$tree/test/fuzz/*.c"),
	map { "$tree/src/$_.c" } qw(amount document encoding errors iso_time json_value merchant rule ruleset secret window);

# What C leaves undefined ends the process, too. Of document.c one function is another file's.
append_to_file("$dir/rest.c", <<'C');
#include "postgres.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"
#include "module.h"
char *
la_uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}
C
Variant::run_quietly("$dir/log", 'sh', '-c',
	"cd '$dir' && printf '%s\\n' $sources $dir/rest.c | xargs -P 2 -n 3 clang -c -O1 -g -fPIC -w -fsanitize=fuzzer-no-link,undefined -fsanitize-trap=undefined "
	. "-fno-sanitize=alignment,function $mutant -I$tree/src -I$include -D_GNU_SOURCE && clang -shared -o fuzz.so *.o '$library' -lstdc++ -lpthread -lm");

my $node = PostgreSQL::Test::Cluster->new('fuzz');
$node->init;

for my $target (@targets)
{
	my $found = "$dir/$target";
	my $corpus = "$tree/test/fuzz/corpus/$target";

	make_path("$found/new");
	my $arguments = join ', ', map { "'$_'" } '-timeout=0', '-rss_limit_mb=0', '-max_len=200', "-seed=$seed", "-max_total_time=$seconds", '-print_final_stats=1', "-artifact_prefix=$found/", "$found/new", $corpus;
	append_to_file("$found/input", "CREATE FUNCTION pg_temp.fuzz(text, text[]) RETURNS integer LANGUAGE c AS '$dir/fuzz.so', 'fuzz'; SELECT pg_temp.fuzz('$target', ARRAY[$arguments]);\n");
	system "postgres --single -D '" . $node->data_dir . "' postgres <'$found/input' >'$found/output' 2>&1";
	my $status = $?;
	my $output = slurp_file("$found/output");
	my ($executed) = $output =~ /number_of_executed_units: (\d+)/;

	my $right = ok($status == 0 && $executed, "$target: the slow way comes to the same");
	note("$executed inputs") if $executed;
	next if $right;
	my @words = grep { /WRONG|ERROR|FATAL|SUMMARY|runtime error|==\d+==/ } split /\n/, $output;
	diag("seed $seed: " . join("\n", @words[ 0 .. ($#words < 25 ? $#words : 25) ]));
	for my $input (glob "$found/crash-*")
	{
		diag("the input, in hexadecimal digits: " . unpack('H*', slurp_file($input)));
	}
	# Of a mutant one is enough.
	last if $mutant;
}
done_testing();
