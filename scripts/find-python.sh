# Read by the other commands: sets $here and $python, a Python of at least 3.11.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=
for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=$(python3 -V 2>/dev/null) || found=none
    echo "Python 3.11 to 3.14 is needed, and this machine has ${found}: install one (on Debian 12 or 13: apt-get install python3), then start again." >&2
    exit 1
fi
