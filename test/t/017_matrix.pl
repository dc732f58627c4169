# Every function and view, for every principal, about what is its own, another tenant's, a sibling's and nobody's: what
# is allowed works, and all else is one error, whoever's it is.
#
# The lists of functions and views are the catalog's; one that Matrix.pm does not know fails the test. Each tenant has the
# same data, with a mark in every text. After every request: no mark and no id of what the principal must not see,
# in status line, headers and body.
use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use Matrix;
use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => PostgREST::missing() if PostgREST::missing();

my $node = PostgreSQL::Test::Cluster->new('matrix');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', Matrix::setup());
my $http = PostgREST->start($node, PGRST_DB_POOL => 1);

# Connections are kept for GET only: an error that answers HEAD has a body, which the next answer would begin with, and
# the body of a POST would wait for the receipt of its head.
my %connections = map { $_ => HTTP::Tiny->new(timeout => 30, keep_alive => 0) } qw(HEAD POST PATCH PUT DELETE);
my $kept = HTTP::Tiny->new(timeout => 30, keep_alive => 1);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE matrix_operator NOLOGIN;
CREATE ROLE matrix_auditor NOLOGIN;
SELECT ledger_agents.grant_access('matrix_operator', 'operator'), ledger_agents.grant_access('matrix_auditor', 'auditor');
GRANT matrix_operator, matrix_auditor TO ledger_agents_authenticator;
SQL

my $json = JSON::PP->new->canonical->utf8;

sub answer_of
{
	return $json->decode($node->safe_psql('postgres', $_[0]));
}

#
# Who asks
#
# name => how, whose: the organization, what it is of it (agent, key: all of it, none: nothing), recorded: who the audit says it was.
my @twins = qw(key claims operator operator_claims token agent_claims sibling foreign);
my %bundle = map { $_ => answer_of("SELECT matrix.bundle('default', '$_', '{plain-$_" . ($_ eq 'foreign' ? ',twin-foreign' : '') . "}')") } @twins;
$bundle{other} = answer_of(sprintf "SELECT matrix.bundle('other', 'other', '{%s}')", join ',', map { "twin-$_" } grep { $_ ne 'foreign' } @twins);
my ($key) = $node->safe_psql('postgres', "SELECT to_json(k) FROM ledger_agents.create_organization_key('CANARY-default-org', organization_id => 'default') k");
my ($other_key) = $node->safe_psql('postgres', "SELECT to_json(k) FROM ledger_agents.create_organization_key('CANARY-other-org', organization_id => 'other') k");
$_ = $json->decode($_) for $key, $other_key;

my %claims = (role => 'ledger_agents_web', organization_id => 'default', sub => 'someone');
my @principals = (
	{ name => 'foreign', whole => 1, with => [ key => $other_key->{key} ], whose => 'other', may => 'key', recorded => "key:$other_key->{id}", bundle => 'other', foreign => 'foreign' },
	{ name => 'nobody', with => [], whose => 'default', may => 'none', bundle => 'key' },
	{ name => 'auditor', with => [ jwt => { role => 'matrix_auditor' } ], whose => 'default', may => 'none', bundle => 'key' },
	{ name => 'token', whole => 1, with => [ key => $bundle{token}{secret} ], whose => 'default', may => 'all', recorded => "agent:$bundle{token}{agent}", sibling => 'sibling' },
	{ name => 'sibling', with => [ key => $bundle{sibling}{secret} ], whose => 'default', may => 'all', recorded => "agent:$bundle{sibling}{agent}", sibling => 'token' },
	{ name => 'agent_claims', with => [ jwt => { %claims, agent_id => $bundle{agent_claims}{agent} } ], whose => 'default', may => 'all', recorded => 'claims:someone', sibling => 'token' },
	{ name => 'key', whole => 1, with => [ key => $key->{key} ], whose => 'default', may => 'key', recorded => "key:$key->{id}" },
	{ name => 'claims', with => [ jwt => \%claims ], whose => 'default', may => 'key', recorded => 'claims:someone' },
	{ name => 'operator', with => [ jwt => { role => 'matrix_operator' } ], whose => 'default', may => 'key', recorded => 'operator' },
	{ name => 'operator_claims', with => [ jwt => { %claims, role => 'matrix_operator' } ], whose => 'default', may => 'key', recorded => 'claims:someone' });

my %ids = map { $_ => [ split /\n/, $node->safe_psql('postgres', "SELECT matrix.ids('$_')") ] } qw(default other);

# What the principal must not see.
sub forbidden
{
	my ($p) = @_;
	my $not_whose = $p->{whose} eq 'default' ? 'other' : 'default';
	my @ids = @{ $ids{$not_whose} };

	if ($p->{may} eq 'all')
	{
		push @ids, map { my $b = $bundle{$_}; map { $b->{$_} } grep { $b->{$_} =~ /^[0-9a-f-]{36}$/ } keys %$b } grep { $_ ne $p->{name} && $_ ne 'other' } keys %bundle;
		my $all = join '|', @ids;
		return qr/CANARY-(?!default-$p->{name}\b)|$all/;
	}
	my $all = join '|', @ids;
	return qr/CANARY-/ if $p->{may} eq 'none';
	return qr/CANARY-$not_whose|$all/;
}

#
# One request
#
my (@problems, $requests);

sub problem
{
	my ($p, $what, @more) = @_;

	push @problems, join ' ', "$p->{name}: $what", @more;
	return;
}

# As it came, but for what is not to be compared: what was asked for, what is generated, instants, counts of what was done before.
sub shape
{
	my ($answer, $asked) = @_;
	my $text = join "\n", $answer->{status}, map({ "$_: $answer->{headers}{$_}" } grep { $_ !~ /^(date|content-length)$/ } sort keys %{ $answer->{headers} }), $answer->{text};

	$text =~ s/\Q$_\E/*/g for grep { defined } @$asked;
	$text =~ s/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/ID/g;
	$text =~ s/(r|p|c|v|k) \d+"/$1 N"/g;
	$text =~ s/[al][tk]_(live|test)_[0-9a-f]+/SECRET/g;
	$text =~ s/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+]00:00)/INSTANT/g;
	$text =~ s/"(createdAt|updatedAt)": ?\d+/"$1": INSTANT/g;
	$text =~ s/"(sequence|agentSpent|remaining|currentSpend|position|polledPosition|waiting)": ?\d+/"$1": N/g;
	return $text;
}

# Asked about what is not the principal's own, a request names it, and its answer may repeat the name.
sub send_request
{
	my ($p, $method, $path, $named, %with) = @_;
	$http->{http} = $connections{$method} // $kept;
	my $answer = $http->request($method, $path, @{ $p->{with} }, %with);
	my $seen = join "\n", $answer->{status}, map({ "$_: " . (ref $answer->{headers}{$_} ? "@{$answer->{headers}{$_}}" : $answer->{headers}{$_}) } sort keys %{ $answer->{headers} }), $answer->{text};

	$requests++;
	$seen =~ s/\Q$_\E//g for @$named;
	problem($p, "$method $path", "shows '$&' in: $seen") if $seen =~ $p->{forbidden};
	problem($p, "$method $path", "is not answered: $seen") if $answer->{status} >= 500;
	return $answer;
}

# A template filled in: {name} from one bundle, {=name} from one's own. Returns it, and the foreign names.
my $number = 0;

sub fill
{
	my ($template, $own, $from) = @_;
	my @named;
	my $text = ref $template ? $json->encode($template) : $template // '';

	$number++;
	$text =~ s/\{n\}/$number/g;
	$text =~ s/\{=(\w+)\}/$own->{$1}/g;
	$text =~ s/\{([a-z]\w*)\}/push @named, $from->{$1}; $from->{$1}/gei;
	return ($text, \@named);
}

# The same names for: what nobody has, what another tenant has, a sibling has.
my $no_id = 0;

sub strangers
{
	my ($p) = @_;
	my %none;
	my $foreign = $bundle{ $p->{foreign} // 'other' };
	my @texts = (customer => 'customer', externalId => 'agent', consumer => 'consumer', policyName => 'policy', key => 'key', clientId => 'intent');
	my %texts = @texts;
	my %foreign = (%$foreign, map { $_ => "twin-$p->{name}-$texts{$_}" } keys %texts);

	$none{$_} = sprintf '01890a5d-ac96-774b-bcce-%012x', ++$no_id for keys %$foreign;
	$none{$_} = "none-$p->{name}-$texts{$_}" for keys %texts;
	return (
		[ nobody => \%none ],
		[ foreign => \%foreign ],
		$p->{sibling} ? [ sibling => { %{ $bundle{ $p->{sibling} } }, map { $_ => "plain-$p->{sibling}-$texts{$_}" } keys %texts } ] : ());
}

sub is_allowed
{
	my ($p, $who) = @_;

	return 1 if $who eq 'any';
	return $who ne 'none' && ($who eq $p->{may} || ($who eq 'all' && $p->{may} eq 'key'));
}

#
# The rows of the matrix
#
sub try_call
{
	my ($p, $function, $who, $body, $refused, $own_wants) = @_;
	my $own = $bundle{ $p->{bundle} // $p->{name} };
	my $may = is_allowed($p, $who);
	my $what = "$function " . $json->encode($body);
	my $first;

	for my $stranger (strangers($p))
	{
		my ($text, $named) = fill($body, $own, $stranger->[1]);
		next if $stranger->[0] ne 'nobody' && !@$named;
		my $answer = send_request($p, 'POST', "/rpc/$function", $named, body => $text);
		my $shape = shape($answer, $named);
		my $want = $p->{name} eq 'auditor' ? 403 : $may ? (ref $refused ? $refused->[ $p->{may} eq 'all' ] : $refused // 404) : $p->{may} eq 'none' ? 401 : 403;

		problem($p, $what, "about $stranger->[0]'s: status $answer->{status}, not $want: $answer->{text}") if $answer->{status} != $want;
		$first //= $shape;
		problem($p, $what, "is answered otherwise about $stranger->[0]'s:\n$shape\n--- than about nobody's:\n$first") if $shape ne $first;
	}
	my ($text, $named) = fill($body, $own, $own);
	my $answer = send_request($p, 'POST', "/rpc/$function", $p->{may} eq 'none' ? $named : [], body => $text);
	if (!$may)
	{
		problem($p, $what, "is answered otherwise about its own: ", shape($answer, $named), "--- than about nobody's:\n$first") if shape($answer, $named) ne $first;
		return;
	}
	my $want = $own_wants // ($function eq 'pre_request' ? 204 : 200);
	problem($p, $what, "about its own: status $answer->{status}, not $want: $answer->{text}")
	  if $p->{name} ne 'auditor' && $answer->{status} != $want && !($function eq 'list_agents' && $answer->{status} == 400);
	return;
}

sub try_write
{
	my ($p, $view, $method, $who, $filter, $body, $refused) = @_;
	my $own = $bundle{ $p->{bundle} // $p->{name} };
	my $may = is_allowed($p, $who);
	my $what = "$method $view?$filter " . ($body ? $json->encode($body) : '');
	my %prefer = (headers => { Prefer => 'return=representation,count=exact' });
	my $first;

	for my $stranger (strangers($p))
	{
		my ($text, $named) = fill([ $filter, $body ], $own, $stranger->[1]);
		my ($query, $object) = @{ $json->decode($text) };
		my $answer = send_request($p, $method, "/$view?$query", $named, %prefer, $object ? (body => $object) : ());
		my $shape = shape($answer, $named);

		$first //= $shape;
		problem($p, $what, "is answered otherwise about $stranger->[0]'s:\n$shape\n--- than about nobody's:\n$first") if $shape ne $first;
		next if $p->{may} eq 'none' || !$may && $who ne 'none';
		my $want = $refused // 200;
		# To PostgREST who sends a key is nobody: where the role has no right, it says 401.
		$want = qr/^40[13]$/ if $want == 403;
		$want = qr/^40[03]$/ if $want == 400 && $p->{may} eq 'all';
		problem($p, $what, "about $stranger->[0]'s: status $answer->{status}, not $want: $answer->{text}") if $answer->{status} !~ /^$want$/;
		problem($p, $what, "finds rows: $answer->{text}") if $want eq '200' && $answer->{text} ne '[]';
	}
	my ($text, $named) = fill([ $filter, $body ], $own, $own);
	my ($query, $object) = @{ $json->decode($text) };
	my $answer = send_request($p, $method, "/$view?$query", $p->{may} eq 'none' ? $named : [], %prefer, $object ? (body => $object) : ());
	problem($p, $what, "about its own: status $answer->{status}: $answer->{text}") if $may ? $answer->{status} !~ /^20[01]$/ : $answer->{status} !~ /^40[0139]$/ && $answer->{text} ne '[]';
	problem($p, $what, "about its own: " . ($answer->{headers}{'content-range'} // 'no count')) if $may && $method ne 'POST' && ($answer->{headers}{'content-range'} // '') !~ m{/1$};
	return;
}

my (%columns, %type);

# The ids of a view's rows that the principal may see, newest first.
sub own_rows
{
	my ($p, $view) = @_;
	my $own = $bundle{ $p->{bundle} // $p->{name} };
	my $table = $view eq 'tokens' ? 'agent_tokens' : $view;
	my $of = $p->{may} ne 'all' ? '' : ' AND ' . ($view eq 'agents' ? 'id' : 'agent_id') . " = '$own->{agent}'";

	return [ split /\n/, $node->safe_psql('postgres', "SELECT id FROM ledger_agents.$table WHERE organization_id = '$p->{whose}'$of ORDER BY id DESC") ];
}

sub try_reads
{
	my ($p, $view, $who) = @_;
	my $may = is_allowed($p, $who);
	my $want = $may ? own_rows($p, $view) : undef;
	my $own = $bundle{ $p->{bundle} // $p->{name} };
	my $count = $may ? @$want : 0;
	my %all = (headers => { Prefer => 'count=exact' });
	my @filters = ('', $p->{whole} ? map { "order=$_.asc" } @{ $columns{$view} } : 'order=id.desc');

	for my $filter (@filters)
	{
		my $answer = send_request($p, 'GET', "/$view?$filter", [], %all);

		if (!$may)
		{
			problem($p, "GET $view?$filter", "status $answer->{status}: $answer->{text}") if $answer->{status} != ($p->{name} eq 'nobody' ? 401 : 403);
			next;
		}
		problem($p, "GET $view?$filter", "status $answer->{status}: $answer->{text}"), next if $answer->{status} !~ /^20[06]$/;
		my $got = [ map { $_->{id} } @{ $answer->{body} } ];
		problem($p, "GET $view?$filter", "is not in the order of the newest") if $filter eq '' && "@$got" ne "@$want";
		problem($p, "GET $view?$filter", scalar(@$got) . ' rows, own are ' . scalar(@$want)) if "@{[sort @$got]}" ne "@{[sort @$want]}";
		problem($p, "GET $view?$filter", "counts $answer->{headers}{'content-range'}, not $count") if $answer->{headers}{'content-range'} !~ m{/$count$};
	}

	# What looks for another one's rows, by every kind of filter.
	my $is = $view eq 'events' ? 'event' : { agents => 'agent', cards => 'card', policies => 'policy', intents => 'intent', authorizations => 'authorization', tokens => 'token' }->{$view};
	my @hunts = ("id=eq.{$is}", "or=(id.eq.{$is},id.is.null)", "id=in.({$is})", "and=(id.eq.{$is},id.not.is.null)", "id=gte.{$is}&id=lte.{$is}", "id=not.neq.{$is}&order=id.asc&limit=1",
		"select=*,agents(*)&id=eq.{$is}", "select=*,customers(*)&id=eq.{$is}", "select=id,id::text&id=eq.{$is}", "id=eq.{$is}&offset=0&limit=5");
	push @hunts, 'agentId=eq.{agent}', 'agentId=neq.{=agent}&agentId=eq.{agent}' if grep { $_ eq 'agentId' } @{ $columns{$view} };
	@hunts = @hunts[0 .. 2] if !$p->{whole};
	for my $hunt (@hunts)
	{
		for my $method ('GET', $p->{whole} && $hunt eq $hunts[0] ? 'HEAD' : ())
		{
			my $first;

			for my $stranger (strangers($p))
			{
				my ($query, $named) = fill($hunt, $own, $stranger->[1]);
				my $answer = send_request($p, $method, "/$view?$query", $named, %all);
				my $shape = shape($answer, $named);

				$first //= $shape;
				problem($p, "$method $view?$hunt", "is answered otherwise about $stranger->[0]'s:\n$shape\n--- than about nobody's:\n$first") if $shape ne $first;
				problem($p, "$method $view?$hunt", "finds $answer->{text}") if $answer->{status} == 200 && $answer->{text} !~ /^(\[\])?$/;
			}
		}
	}
	return if !$may || !$p->{whole};

	# What is in a row of somebody else raises no error: n is a number in own metadata only.
	my @metadata = grep { /^(metadata|data)$/ } @{ $columns{$view} };
	my @patterns = map { ("$_->>note=like.*CANARY*", "$_->>note=match.CANARY", "$_->>n=gt.0", "$_->n=gt.0", "select=id,$_->>note", "select=id,x:$_->>nothing::int", "order=$_->>note.asc&select=id", "$_=cs.{}&select=id") } @metadata;
	for my $column (@{ $columns{$view} })
	{
		my $type = $type{"$view.$column"};

		push @patterns, "select=id,$column\::int", $type eq 'text' ? ("$column=like.*CANARY*", "$column=match.CANARY", "$column=fts.CANARY") : $type =~ /int|numeric/ ? "$column=gt.1" : "$column=eq.CANARY";
	}
	push @patterns, 'select=count()', 'select=id.count()', 'select=nothing', 'nothing=eq.1', 'order=nothing', 'select=*,organization_keys(*)', 'select=*,ledger_agents.agents(*)', 'limit=0', 'offset=100000', 'limit=-1';
	push @patterns, "select=id,x:metadata->>n::int" if $p->{may} eq 'all' && $p->{whose} eq 'default' && grep { $_ eq 'metadata' } @{ $columns{$view} } and $view ne 'authorizations' && $view ne 'intents' && $view ne 'cards';
	for my $pattern (@patterns)
	{
		my $answer = send_request($p, 'GET', "/$view?$pattern", ['CANARY"', 'CANARY\\"', "'CANARY'"], %all);

		problem($p, "GET $view?$pattern", "status $answer->{status}: $answer->{text}") if $pattern =~ /x:metadata|note|->>n=/ && $answer->{status} !~ /^20[06]$/;
		next if $answer->{status} !~ /^20[06]$/ || ref $answer->{body} ne 'ARRAY';
		my %own = map { $_ => 1 } @$want;
		problem($p, "GET $view?$pattern", "shows $_->{id}") for grep { ref $_ eq 'HASH' && defined $_->{id} && !$own{ $_->{id} } } @{ $answer->{body} };
	}

	# Estimates come from statistics about the rows of all tenants. Of two headers only one is shown to the database.
	for my $count ([ 400, 'count=planned' ], [ 400, 'return=representation, count=estimated' ], [ 403, [ 'count=planned', 'max-affected=9' ] ])
	{
		my ($status, $prefer) = @$count;
		my $answer = send_request($p, 'GET', "/$view?select=id&limit=1", [], headers => { Prefer => $prefer });

		problem($p, "an estimate of $view", "status $answer->{status}, not $status, " . ($answer->{headers}{'content-range'} // '')) if $answer->{status} !~ /^($status|401)$/;
	}
	return;
}

# Two pages of a list of a function, or what it says.
sub try_lists
{
	my ($p) = @_;

	for (qw(agents cards policies intents authorizations))
	{
		my $who = /policies/ || /cards/ ? 'key' : 'all';
		my $answer = send_request($p, 'POST', "/rpc/list_$_", [], body => { limit => 100 });
		next if !is_allowed($p, $who);
		my @want = @{ own_rows($p, $_) };
		my @got = map { $_->{id} } @{ $answer->{body}{data} };
		problem($p, "list_$_", scalar(@got) . ' rows, own are ' . scalar(@want)) if "@got" ne "@want[0 .. ($#want > 99 ? 99 : $#want)]";
	}
	return;
}

# What is no function or view of this interface.
sub try_elsewhere
{
	my ($p) = @_;

	for (qw(/customers /organizations /organization_keys /agent_tokens /counters /configuration_changes /pg_authid /rpc/authenticate /rpc/act_as_operator /rpc/grant_access
		/rpc/visible_agent /rpc/current_spend /rpc/write_view /rpc/pg_read_file))
	{
		my $answer = send_request($p, m{/rpc/} ? 'POST' : 'GET', $_, [], m{/rpc/} ? (body => {}) : ());
		problem($p, $_, "status $answer->{status}: $answer->{text}") if $answer->{status} !~ /^40[134]$/;
	}
	for my $profile (qw(ledger_agents public pg_catalog matrix))
	{
		my $answer = send_request($p, 'GET', '/agents', [], headers => { 'Accept-Profile' => $profile });
		problem($p, "profile $profile", "status $answer->{status}: $answer->{text}") if $answer->{status} !~ /^40[1346]$/;
	}
	for my $accept ('application/vnd.pgrst.plan+json', 'application/vnd.pgrst.plan+text; options=analyze|verbose')
	{
		my $answer = send_request($p, 'GET', '/agents', [], headers => { Accept => $accept });
		problem($p, $accept, "status $answer->{status}: $answer->{text}") if $answer->{status} !~ /^4/;
	}
	my $answer = send_request($p, 'GET', '/', []);
	problem($p, 'OpenAPI', "status $answer->{status}") if $answer->{status} !~ /^(200|40[13])$/;

	# The other way to write a row, and rows of others by a conflict.
	for (qw(agents cards policies intents authorizations))
	{
		my %seen;
		for my $stranger (strangers($p))
		{
			my $id = $stranger->[1]{ { agents => 'agent', cards => 'card', policies => 'policy', intents => 'intent', authorizations => 'authorization' }->{$_} };
			my $view = $_;
			for my $how ([ 'PUT', "/$view?id=eq.$id", '' ], [ 'POST', "/$view?on_conflict=id", 'resolution=merge-duplicates' ], [ 'POST', "/$view?on_conflict=id", 'resolution=ignore-duplicates' ])
			{
				my ($method, $path, $prefer) = @$how;
				my $answer = send_request($p, $method, $path, [$id], body => { id => $id }, headers => { Prefer => $prefer });
				my $shape = shape($answer, [$id]);

				problem($p, "$method $path", "status $answer->{status}: $answer->{text}") if $answer->{status} !~ /^4/;
				$seen{"$method$prefer"} //= $shape;
				problem($p, "$method $path $prefer", "is answered otherwise about $stranger->[0]'s: $shape") if $shape ne $seen{"$method$prefer"};
			}
		}
	}
	return;
}

# What was done is recorded as done by who did it; nothing is of anybody else.
my %seen_change;

sub recorded
{
	my @rows = split /\n/, $node->safe_psql('postgres', 'SELECT id, organization_id, principal FROM ledger_agents.configuration_changes');
	my %who;

	for (@rows)
	{
		my ($id, @by) = split /\|/;
		$who{"$by[0] $by[1]"} = 1 if !$seen_change{$id}++;
	}
	return join ', ', sort keys %who;
}

sub try_principal
{
	my ($p) = @_;
	my $before = @problems;

	$p->{forbidden} = forbidden($p);
	recorded();
	try_call($p, @$_) for Matrix::calls();
	for (Matrix::views())
	{
		my ($view, $who, @writes) = @$_;
		try_write($p, $view, @$_) for @writes;
		try_reads($p, $view, $who);
	}
	try_lists($p);
	try_elsewhere($p);
	my $want = $p->{recorded} ? "$p->{whose} $p->{recorded}" : '';
	my $got = recorded();
	problem($p, "is recorded as $got, not as $want") if $got ne $want;
	ok(@problems == $before, "$p->{name}: what is its own, and no more");
	my $last = $#problems > $before + 30 ? $before + 30 : $#problems;
	diag(join "\n", map({ substr $_, 0, 1500 } @problems[$before .. $last]), @problems - $before . ' problems') if @problems > $before;
	return;
}

#
# Nothing is missing
#
is_deeply([ sort keys %{ { map { $_->[0] => 1 } Matrix::calls() } } ],
	[ sort split /\n/, $node->safe_psql('postgres', "SELECT proname FROM pg_proc WHERE pronamespace = 'ledger_agents_api'::regnamespace") ], 'every function has a row');
is_deeply([ sort map { $_->[0] } Matrix::views() ],
	[ sort split /\n/, $node->safe_psql('postgres', "SELECT relname FROM pg_class WHERE relnamespace = 'ledger_agents_api'::regnamespace") ], 'every view has a row');
for (split /\n/, $node->safe_psql('postgres', "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'ledger_agents_api' ORDER BY 1, ordinal_position"))
{
	my ($view, $column, $type) = split /\|/;
	push @{ $columns{$view} }, $column;
	$type{"$view.$column"} = $type;
}

#
# The other tenant first: what it does to its own is done when its rows are kept in mind
#
my $default_before = $node->safe_psql('postgres', "SELECT matrix.digest('default')");
try_principal($principals[0]);
is($node->safe_psql('postgres', "SELECT matrix.digest('default')"), $default_before, 'another tenant has changed nothing');
$ids{other} = [ split /\n/, $node->safe_psql('postgres', "SELECT matrix.ids('other')") ];

my $other_before = $node->safe_psql('postgres', "SELECT matrix.digest('other')");
try_principal($_) for @principals[1 .. $#principals];
is($node->safe_psql('postgres', "SELECT matrix.digest('other')"), $other_before, 'no other tenant\'s row has changed');
cmp_ok($requests, '>', 1000, "there were requests: $requests");

is($node->safe_psql('postgres', 'SELECT count(*) FROM ledger_agents.check_invariants()'), '0', 'the books are right');
$http->stop;
$node->stop;
done_testing();
