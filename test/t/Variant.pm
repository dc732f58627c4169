# A server with another build of the extension: the tree's, compiled anew where it differs.
package Variant;

use strict;
use warnings;

use Cwd qw(getcwd);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;

# Leaves a stage of its own on the path, as tools/stage does. What make is given, and the word by which to know the
# files that it concerns; a mutant (MUTANT in the environment) stays one.
sub build
{
	my ($word, @settings) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir;
	my $config = $ENV{PG_CONFIG};
	my $system = $ENV{SYSTEM_PG_CONFIG} or die "SYSTEM_PG_CONFIG is not set: run this by make test";
	my $bin = qx('$system' --bindir);
	chomp $bin;
	my ($root) = $config =~ m{^(.+)\Q$bin\E/pg_config$} or die "$config is in no stage";

	make_path("$dir/tree");
	run_quietly("$dir/log", 'cp', '-a', $root, "$dir/stage");
	run_quietly("$dir/log", 'sh', '-c', "cp -a Makefile ledger_agents.control sql src '$dir/tree/'");
	run_quietly("$dir/log", 'sh', '-c',
		"cd '$dir/tree' && rm -f \$(grep -l '$word' src/*.c | sed 's/c\$/o/') && MAKEFLAGS= make -s COPT= PG_CONFIG='$system' DESTDIR='$dir/stage' @settings install");
	$ENV{PG_CONFIG} = "$dir/stage$bin/pg_config";
	$ENV{PATH} = "$dir/stage$bin:$ENV{PATH}";
	return;
}

sub run_quietly
{
	my ($log, @command) = @_;
	my $pid = fork // die "cannot fork: $!";

	if ($pid == 0)
	{
		open STDOUT, '>>', $log or die "cannot write $log: $!";
		open STDERR, '>&', \*STDOUT or die "cannot write $log: $!";
		exec @command or die "cannot run $command[0]: $!";
	}
	waitpid $pid, 0;
	die "@command failed:\n" . slurp_file($log) if $?;
	return;
}

1;
