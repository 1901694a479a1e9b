#!/usr/bin/env bash
# check_report.sh FOLDER: fails, with the reason in one line, unless LaTeX has built a complete report in FOLDER.
set -euo pipefail

fail() {
    echo "report: $1" >&2
    exit 1
}

[ $# = 1 ] || fail "give the folder in which LaTeX has built it"
cd "$1" 2>/dev/null || fail "$1 is not a folder"
for file in main.tex main.log main.pdf; do
    [ -s "$file" ] || fail "$1/$file is missing or empty"
done

# The log breaks long lines, but LaTeX and natbib sum up in a short one at its end.
if undefined=$(grep -m 1 -E 'There were undefined|(Reference|Citation) .* undefined' main.log); then
    fail "$undefined"
fi
if grep -q "Float too large" main.log; then
    fail "a table or figure runs off its page: see 'Float too large' in $1/main.log"
fi
widest=$(sed -n 's/^Overfull \\hbox (\([0-9.]*\)pt too wide.*/\1/p' main.log | sort -g | tail -n 1)
if awk "BEGIN { exit !(${widest:-0} > 2) }"; then
    fail "a line is ${widest}pt too wide: see 'Overfull' in $1/main.log"
fi

# The appendix begins a page; tectonic leaves no main.aux to say which.
appendix=$(sed -n 's/^\\newlabel{sec:more}{{A}{\([0-9]*\)}.*/\1/p' main.aux 2>/dev/null || true)
if [ "${appendix:-1}" -gt 15 ]; then fail "the body has $((appendix - 1)) pages, and may have 14"; fi

# An include whose name holds a macro's #1 stands for all figures there are with which some macro is called, and may
# leave png or jpg to LaTeX.
text=$(find . -maxdepth 2 -name '*.tex' ! -name values.tex ! -path './tables/*' -exec sed 's/\(^\|[^\\]\)%.*/\1/' {} +)
includes=$(grep -o '\\includegraphics\(\[[^]]*\]\)\?{[^}]*}' <<<"$text" | sed 's/.*{\(.*\)}/\1/' || true)
figures=()
for include in $includes; do
    if [[ $include != *"#1"* ]]; then
        figures+=("$include")
        continue
    fi
    prefix=${include%%"#1"*} suffix=${include##*"#1"}
    for file in "$prefix"*"$suffix"{,.png,.jpg}; do
        key=${file#"$prefix"} key=${key%"$suffix"*}
        if grep -qF "{$key}{" <<<"$text"; then figures+=("$file"); fi
    done
done
[ ${#figures[@]} -gt 0 ] || fail "it includes no figure"
for figure in "${figures[@]}"; do
    # What a branch that was not taken includes is neither there nor asked for.
    if [ ! -e "$figure" ] && ! grep -qF "$figure" main.log; then continue; fi
    [ -s "$figure" ] || fail "$1/$figure is missing or empty"
    grep -qF "$figure" main.log || fail "$figure is not in the PDF"
done
echo "report: ${#figures[@]} figures, no warnings"
