npx rolldown "./$1" --platform node -f esm --external playwright-core -o "${1%.*}.out.mjs" >/dev/null && node "${1%.*}.out.mjs" "${@:2}"
