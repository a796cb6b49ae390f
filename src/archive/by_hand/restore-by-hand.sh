#!/bin/sh
# Restores a backup of this store without pgkeel. Needs sh, zstd, tar, awk, sha256sum, od, and for
# encrypted stores the openssl program of version 3. README.txt beside this file says more.
# It checks every object against the SHA-256 of its record and stops at the first that differs.
# The key is on openssl's command line while it runs: do this where nobody else is logged in.
set -eu

usage() {
  cat <<'END'
usage: restore-by-hand.sh list    STORE
       restore-by-hand.sh restore STORE LABEL INTO [--key FILE] [--tablespace OID=DIR]...
       restore-by-hand.sh wal     STORE NAME  FILE [--key FILE]
       restore-by-hand.sh plain   FILE             [--key FILE]

STORE is the directory this file is in (copy a bucket to a directory first). INTO must be empty or
absent. "plain" writes what is inside one stored object to the standard output.
END
  exit 2
}
# A server that recovers stops for an exit status like this one, instead of taking it for the end of
# the WAL.
stop() { echo "restore-by-hand.sh: $*" >&2; exit 200; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

derive() { # KEY SALT INFO -> hex
  openssl kdf -binary -keylen 32 -kdfopt digest:SHA256 -kdfopt "hexkey:$1" \
    ${2:+-kdfopt "hexsalt:$2"} -kdfopt "info:$3" HKDF | hex
}
# The keys of the key file in hex, one a line.
keys() {
  [ -n "$key_file" ] || stop "the store is encrypted: say --key FILE"
  sed -e 's/#.*//' -e 's/[[:space:]]//g' "$key_file" | while read -r text; do
    case ${#text} in
      64) echo "$text" ;;
      44) echo "$text" | openssl base64 -d -A | hex; echo ;;
    esac
  done
}
key_with_id() {
  for key in $(keys); do
    case $(derive "$key" '' 'pgkeel key id 1') in "$1"*) echo "$key"; return ;; esac
  done
  stop "$key_file has no key with the id $1"
}

# A sealed file: 64 bytes of header, then chunks of ciphertext and 16 bytes of tag. GCM's ciphertext
# is that of CTR from the nonce and a counter of 2; the tags are not checked here, the SHA-256 is.
unseal() {
  header=$(head -c 64 "$1" | hex)
  case $header in 70676b65656c0001*) ;; *) stop "$1 is not a sealed object" ;; esac
  key=$(key_with_id "$(echo "$header" | cut -c 17-32)")
  own=$(derive "$key" "$(echo "$header" | cut -c 33-96)" 'pgkeel seal 1')
  chunk=$((0x$(echo "$header" | cut -c 97-104) + 16))
  size=$(wc -c <"$1"); at=64; number=0
  while [ "$at" -lt "$size" ]; do
    last=0; bytes=$chunk
    [ $((at + chunk)) -lt "$size" ] || { last=1; bytes=$((size - at)); }
    tail -c +$((at + 1)) "$1" | head -c $((bytes - 16)) |
      openssl enc -d -aes-256-ctr -K "$own" -iv "$(printf '%022x%02x00000002' $number $last)"
    at=$((at + bytes)); number=$((number + 1))
  done
}
plain() {
  case $1 in
    *.zst.sealed) unseal "$1" | zstd -dcq ;;
    *.zst) zstd -dcq <"$1" ;;
    *) stop "$1 is not a stored object" ;;
  esac
}

# "SHA256  KEY" of each object in a backup's record.
objects() { awk -F'"' '$2 == "key" { k = $4 } $2 == "sha256" { print $4 "  " k }' "$1"; }
# "OID LOCATION" of each tablespace.
tablespaces() {
  awk -F'"' '/"tablespaces": \[/ { on = 1 } on && $2 == "location" { l = $4 }
    on && $2 == "oid" { gsub(/[^0-9]/, "", $3); print $3 " " l } on && /\]/ { on = 0 }' "$1"
}
place_of() { # OID LOCATION -> where it goes
  for pair in $places; do
    case $pair in "$1"=*) absolute "${pair#*=}"; return ;; esac
  done
  echo "$2"
}
make_empty() {
  mkdir -p "$1"; chmod 700 "$1"
  [ -z "$(ls -A "$1")" ] || stop "$1 is not empty"
}

restore() { # STORE LABEL INTO
  into=$(absolute "$3"); record=backups/$2/backup.json
  cd "$1"; [ -f "$record" ] || stop "there is no backup $2 in $1"
  echo "checking $2" >&2
  objects "$record" | sha256sum --quiet -c - >&2 || stop "the backup is damaged, see above"
  make_empty "$into"
  tablespaces "$record" | while read -r oid location; do make_empty "$(place_of "$oid" "$location")"; done
  for key in $(objects "$record" | cut -c 67-); do
    part=${key#"backups/$2/"}; part=${part%%/*}
    case $part in
      backup_manifest*) plain "$key" >"$into/backup_manifest"; continue ;;
      data) to=$into ;;
      config) to=$into.config; mkdir -p "$to" ;;
      tablespace-*) oid=${part#tablespace-}
        to=$(place_of "$oid" "$(tablespaces "$record" | sed -n "s/^$oid //p")") ;;
      *) stop "a part that is not known: $part" ;;
    esac
    echo "unpacking $key" >&2
    { plain "$key" || echo failed >"$into/FAILED"; } | tar -xpf - -C "$to" || stop "$key is damaged"
    [ ! -e "$into/FAILED" ] || stop "$key is damaged"
  done
  [ -z "$places" ] || tablespaces "$record" | while read -r oid location; do
    echo "$oid $(place_of "$oid" "$location")"
  done >"$into/tablespace_map"
  echo "done; README.txt says how to start a server on $into" >&2
}

# Gives one object of the WAL area as FILE, if its content is what its name says.
give() { # OBJECT FILE
  plain "$1" >"$2.new" || stop "$1 is damaged"
  case $1 in
    *-"$(sha256sum <"$2.new" | cut -c 1-64)".zst*) mv "$2.new" "$2"; exit 0 ;;
    *) stop "$1 is damaged" ;;
  esac
}
# One WAL file, for restore_command. Status 1: there is none, and none after it.
wal() { # STORE NAME FILE
  directory=$1/wal/$(echo "$2" | cut -c 1-16)
  case $2 in *.history) directory=$1/wal/history ;; esac
  for found in "$directory/$2"-*; do [ ! -f "$found" ] || give "$found" "$3"; done
  for found in "$1/incoming/$2" "$1/incoming/$2.ended"; do
    [ ! -f "$found" ] || { cp "$found" "$3.new"; mv "$3.new" "$3"; exit 0; }
  done
  case $2 in *.history) exit 1 ;; esac
  later=$(ls "$1"/wal/"$(echo "$2" | cut -c 1-8)"* 2>/dev/null | awk -v name="$2" \
    '/^[0-9A-F]+-/ && length($0) > 64 && substr($0, 1, 24) > name { print; exit }')
  [ -z "$later" ] || stop "$2 is missing, although there is $later"
  for found in "$directory/$2.partial"-*; do [ ! -f "$found" ] || give "$found" "$3"; done
  found=$1/incoming/$2.partial
  [ -f "$found" ] || exit 1
  cp "$found" "$3.new"; mv "$3.new" "$3"
}

key_file=''; places=''; word1=''; word2=''; word3=''
[ $# -ge 2 ] || usage
command=$1; shift
count=0
while [ $# -gt 0 ]; do
  case $1 in
    --key) [ $# -ge 2 ] || usage; key_file=$(absolute "$2"); shift ;;
    --tablespace) [ $# -ge 2 ] || usage; places="$places $2"; shift ;;
    -*) usage ;;
    *) count=$((count + 1)); eval "word$count=\$1" ;;
  esac
  shift
done
case $command:$count in
  list:1) cd "$word1/backups"; for record in */backup.json; do echo "${record%/*}"; done ;;
  restore:3) restore "$word1" "$word2" "$word3" ;;
  wal:3) wal "$word1" "$word2" "$word3" ;;
  plain:1) plain "$word1" ;;
  *) usage ;;
esac
