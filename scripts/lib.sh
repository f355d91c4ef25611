# Shared by the scripts of this folder; source it. Expects $top: the checkout's top folder.

# Fails with a sentence when Node is missing or too old.
need_node() {
  if ! command -v node >/dev/null 2>&1; then
    echo "sotto: Node.js 20 or later is needed (node was not found); on Debian: apt-get install nodejs npm" >&2
    exit 1
  fi
  if [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 20')" != true ]; then
    echo "sotto: Node.js 20 or later is needed, this is $(node --version)" >&2
    exit 1
  fi
}

# Installs the npm packages of package-lock.json when they are missing or older than it. One at a time: others wait.
ensure_dependencies() {
  local stamp="$top/node_modules/.package-lock.json"
  # A linked folder belongs to another checkout (git worktree): whoever made the link looks after it.
  if [ -L "$top/node_modules" ]; then return 0; fi
  if [ -f "$stamp" ] && [ ! "$top/package-lock.json" -nt "$stamp" ]; then return 0; fi
  if ! command -v npm >/dev/null 2>&1; then
    echo "sotto: npm is needed to install the packages; on Debian: apt-get install npm" >&2
    exit 1
  fi
  echo "installing npm packages ..." >&2
  (cd "$top" && npm ci --no-audit --no-fund --loglevel=error) >&2
  touch "$stamp"
}

# Builds dist/ when it is missing or older than the sources.
ensure_bundle() {
  if [ ! -f "$top/dist/sotto.js" ] ||
    [ -n "$(find "$top/firmware" "$top/drivers" "$top/platform" "$top/package.json" "$top/toolchain/build.mjs" -newer "$top/dist/sotto.js" -print -quit)" ]; then
    ensure_dependencies
    (cd "$top" && node toolchain/build.mjs --bundle-only) >&2
  fi
}

# Installs Debian packages as root; as another user, or without apt, says what is missing. Returns 1 when something stays missing.
# Usage: ensure_debian PROGRAM-OR-FILE=PACKAGE ...
ensure_debian() {
  local missing=() want item
  for item in "$@"; do
    want=${item%%=*}
    case "$want" in
      /*) [ -e "$want" ] || missing+=("${item#*=}") ;;
      *) command -v "$want" >/dev/null 2>&1 || missing+=("${item#*=}") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing ${missing[*]} ..." >&2
    if DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then return 0; fi
    if DEBIAN_FRONTEND=noninteractive apt-get update >/dev/null 2>&1 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; then return 0; fi
  fi
  echo "missing for the full test run: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
  return 1
}
