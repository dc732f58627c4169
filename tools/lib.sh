# What the scripts beside this file share; sourced by them, never run.

die()
{
	echo "${0##*/}: $*" >&2
	exit 2
}

# What a command is prefixed with to run as the user of servers, who is never root.
as_server_user=()
[ "$(id -u)" != 0 ] || as_server_user=(setpriv --reuid=postgres --regid=postgres --init-groups --)

# A new directory of that user's, reachable for it, and short: the path of a socket in it must fit into 107 bytes.
scratch()
{
	local base dir

	for base in "${TMPDIR:-/tmp}" /tmp; do
		if [ ${#base} -le 40 ] && dir=$("${as_server_user[@]}" mktemp -d "$base/la.XXXXXX" 2>/dev/null); then
			echo "$dir"
			return
		fi
	done
	die "no temporary directory that the server's user can write to"
}

# The files of the tree around the working directory, each ended by a null byte: what is ignored is left out.
files()
{
	local git="git -c safe.directory=*"

	if $git rev-parse --git-dir >/dev/null 2>&1; then
		$git ls-files -z --cached --others --exclude-standard --deduplicate
	else
		find . -path ./example/node_modules -prune -o -type f -print0
	fi | while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done
}

# Runs a command so that a signal to this script ends the command too, and only then the script.  Bash alone would
# leave the signal waiting until the command is done.
child=
run()
{
	local status=0

	"$@" <&0 &
	child=$!
	wait "$child" || status=$?
	child=
	return $status
}

end_by_signal()
{
	trap '' INT TERM HUP
	if [ -n "$child" ]; then
		kill -TERM "$child" 2>/dev/null || true
		wait "$child" || true
	fi
	exit 143
}
trap end_by_signal INT TERM HUP
