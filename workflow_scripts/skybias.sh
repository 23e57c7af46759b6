#!/bin/sh
# The command skybias. `make` copies this file to .venv/bin. It finds the checkout by its own place, and so moves with it;
# a link to it may stand in another folder.
program=$0
if [ -L "$program" ]; then program=$(readlink -f -- "$program"); fi
bin=$(CDPATH='' cd -- "$(dirname -- "$program")" && pwd) || exit 2
exec "$bin/python" -P "${bin%/*/*}/workflow_scripts/__main__.py" "$@"
