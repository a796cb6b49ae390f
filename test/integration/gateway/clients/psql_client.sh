#!/usr/bin/env bash
# psql through the gateway, alone and eight at once. It sends simple queries but for \gdesc, and
# large objects by function calls of the protocol; the cancel is a Ctrl-C typed at its terminal.
# A step says `ok NAME` or ends the program; real_clients_test.cpp has what must be kept when it is
# over. The server's address and the password are in libpq's environment variables.
set -euo pipefail
cd "$PGKEEL_SCRATCH"

readonly kWorkers=8

fail() {
  printf 'FAILED %s: %s\n' "${FUNCNAME[2]}" "$1"
  exit 1
}
same() { [[ $1 == "$2" ]] || fail "got '${1:0:500}', wanted '$2'"; }
# ask [OPTION...] < TEXT: what psql prints, the first error ends it.
ask() { psql -XAtq -v ON_ERROR_STOP=1 "$@" 2>&1; }
value() { ask -c "$1"; }
until_it_is() {
  local end=$((SECONDS + 60))
  until [[ $(value "$2") == "$1" ]]; do ((SECONDS < end)) || fail "waited in vain for $2"; done
}

connects_by_scram() {
  same "$(PGSSLMODE=disable value "select current_user")" app
  [[ $(PGSSLMODE=disable value '\conninfo') != *SSL* ]] || fail "TLS that nobody asked for"
  local said
  said=$(PGPASSWORD=wrong value "select 1") && fail "a wrong password got in"
  [[ $said == *'password authentication failed for user "app"'* ]] || fail "$said"
}

connects_over_tls() {
  export PGSSLMODE=require PGCHANNELBINDING=require  # from here on
  [[ $(value '\conninfo') == *'SSL connection (protocol: TLSv1.3'* ]] || fail "no TLS"
  same "$(value "select session_user")" app
}

simple_query() {
  same "$(value "select 6 * 7")" 42
  same "$(ask <<<"select 1; select 'zwölf'; ;")" $'1\nzwölf'
}

parameters() {
  same "$(ask -v text="it's 'ü' \\ %" <<<"select :'text', :'text'::text = 'it''s ''ü'' \\ %';")" "it's 'ü' \\ %|t"
  # Parse and Describe, without an Execute.
  same "$(ask <<<"select 1 as a, 12.5::numeric(4, 2) as b, now() as c, array['x'] as d \gdesc")" \
    $'a|integer\nb|numeric(4,2)\nc|timestamp with time zone\nd|text[]'
  same "$(ask <<<"select format('select %s', n) from generate_series(1, 3) n \gexec")" $'1\n2\n3'
}

named_statement() {
  {
    echo "prepare keep (int) as insert into kept values ('named_statement', \$1) returning n;"
    printf 'execute keep (%d);\n' {1..200}
    echo 'deallocate keep;'
  } >prepared.sql
  same "$(ask -f prepared.sql | cksum)" "$(printf '%d\n' {1..200} | cksum)"
  [[ $(value "execute keep (201)") == *'prepared statement "keep" does not exist'* ]] || fail "it is still there"
}

# Two sessions at once that mean different statements by one name.
shared_statement() {
  local at number
  for at in 1 2; do
    {
      echo "prepare keep (int) as insert into kept values ('shared_statement', \$1) returning n + $at * 1000;"
      for ((number = at; number <= 60; number += 2)); do echo "execute keep ($number);"; done
    } | ask >"shared.$at" &
  done
  wait
  for at in 1 2; do
    same "$(cksum <"shared.$at")" "$(seq $((at * 1000 + at)) 2 $((at * 1000 + 60)) | cksum)"
  done
}

copies_in_and_out() {
  printf 'copies_in_and_out\t%d\n' {1..20000} >in.txt
  same "$(ask -c '\copy kept from in.txt')" ""
  ask -c "\copy (select * from kept where step = 'copies_in_and_out' order by n) to out.txt"
  cmp in.txt out.txt || fail "other rows than went in"
  local said
  said=$(printf 'x\t1\nx\tone\n' | ask -c 'copy kept from stdin') && fail "no error"
  [[ $said == *'invalid input syntax for type integer: "one"'* ]] || fail "$said"
  same "$(value "select count(*) from kept where step = 'x'")" 0
}

# Typed at a terminal, where psql goes on after a Ctrl-C. The row says which error it was.
cancels() {
  local asleep="select count(*) from pg_stat_activity where state = 'active' and query = 'select pg_sleep(600);'"
  {
    for _ in 1 2 3; do
      echo 'select pg_sleep(600);'
      until_it_is 1 "$asleep"
      printf '\003'
      until_it_is 0 "$asleep"
    done
    echo "insert into kept select 'cancels', 1 where :'LAST_ERROR_SQLSTATE' = '57014';"
    echo '\q'
  } | script -qec 'exec psql -Xn' /dev/null >terminal.txt || fail "$(<terminal.txt)"
  same "$(value "select count(*) from kept where step = 'cancels'")" 1
  same "$(grep -c 'canceling statement due to user request' terminal.txt)" 3
}

# Several statements in one message, a transaction of their own.
pipelines() {
  printf "insert into kept values ('pipelines', %d) \\\\;\n" {1..100} >many.sql
  echo "select count(*) from kept where step = 'pipelines';" >>many.sql
  same "$(ask -f many.sql)" 100
  local said
  said=$({ echo "insert into kept values ('pipelines', 101) \;"; cat many.sql; } | ask) && fail "no error"
  [[ $said == *'duplicate key'* ]] || fail "$said"
}

# What psql hears it prints behind its next command.
is_notified() {
  local line number told
  coproc listener { psql -XAtq 2>&1; }
  echo "listen news; select 'here';" >&"${listener[1]}"
  read -r -t 60 line <&"${listener[0]}"
  same "$line" here
  for number in 1 2 3; do
    value "notify news, 'number $number'"
    for ((told = 0; told < number;)); do
      echo "select 'nothing';" >&"${listener[1]}"
      read -r -t 60 line <&"${listener[0]}" || fail "no answer"
      if [[ $line == "Asynchronous notification \"news\" with payload \"number $number\""* ]]; then told=$number; fi
    done
  done
  echo '\q' >&"${listener[1]}"
  wait "$listener_PID"
}

large_result() {
  same "$(ask -v FETCH_COUNT=10000 <<<"select n, 'row ' || n from generate_series(1, 1000000) n;" |
    awk -F'|' '$1 != NR || $2 != "row " NR { wrong++ } END { print NR, wrong + 0 }')" "1000000 0"
}

large_value() {
  same "$(value "select repeat('0123456789', 5 * 1024 * 1024)" | head -c 52428800 | md5sum)" \
    "$(head -c 52428800 < <(yes 0123456789 | tr -d '\n') | md5sum)"
  same "$({
    printf "select md5('"
    head -c 52428800 /dev/zero | tr '\0' x
    printf "') = md5(repeat('x', 50 * 1024 * 1024));\n"
  } | ask)" t
}

large_objects() {
  head -c 3000000 /dev/urandom >object.in
  ask >/dev/null <<'SQL'
\lo_import object.in 'a comment'
\lo_export :LASTOID object.out
\lo_unlink :LASTOID
SQL
  cmp object.in object.out || fail "another object than went in"
}

error_and_rollback() {
  same "$(psql -XAtq 2>/dev/null <<'SQL'
begin;
insert into kept values ('error_and_rollback', 1);
insert into kept values ('error_and_rollback', 1);
\echo :LAST_ERROR_SQLSTATE
select 1;
\echo :LAST_ERROR_SQLSTATE
rollback;
begin;
\set ON_ERROR_ROLLBACK on
insert into kept values ('error_and_rollback', 2);
select 1 / 0;
\echo :LAST_ERROR_SQLSTATE
commit;
SQL
)" $'23505\n25P02\n22012'
}

# The other session comes in between, from a shell of the first.
settings_are_kept() {
  same "$(PGOPTIONS='-c work_mem=5MB' ask <<'SQL'
set work_mem = '9MB'; set application_name = 'mine'; set search_path = pg_catalog;
show work_mem;
\! PGOPTIONS= psql -XAtqc 'show work_mem' -c 'show search_path'
show work_mem;
show application_name;
\! PGOPTIONS= psql -XAtqc 'show work_mem'
show search_path;
reset all;
show work_mem;
SQL
)" $'9MB\n4MB\n"$user", public\n9MB\nmine\n4MB\npg_catalog\n5MB'
}

# work ME: where servers are shared by transaction all of them meet, each connected.
work() {
  local me=$1 number
  {
    if [[ $PGKEEL_POOL == transaction ]]; then
      echo "\! touch here.$me; until [ \$(ls here.* | wc -l) = $kWorkers ]; do sleep 0.01; done"
    fi
    for ((number = me * 1000 + 1; number <= me * 1000 + 25; ++number)); do
      echo "begin; insert into kept values ('many_at_once', $number);"
      echo "select max(n) from kept where step = 'many_at_once' and n / 1000 = $me;"
      echo "commit;"
    done
    echo 'show application_name;'
  } | PGAPPNAME="worker $me" ask >"work.$me"
}

many_at_once() {
  local me workers=()
  for ((me = 1; me <= kWorkers; ++me)); do
    work "$me" &
    workers+=($!)
  done
  for me in "${workers[@]}"; do wait "$me" || fail "$(tail -n 3 work.*)"; done
  for ((me = 1; me <= kWorkers; ++me)); do
    same "$(cksum <"work.$me")" "$({ seq $((me * 1000 + 1)) $((me * 1000 + 25)); echo "worker $me"; } | cksum)"
  done
}

closes() {
  same "$(ask <<<"begin; insert into kept values ('closes', 1);")" ""
  same "$(value "select count(*) from kept where step = 'closes'")" 0  # not committed
  value "insert into kept values ('closes', 2)"
}

for step in connects_by_scram connects_over_tls simple_query parameters named_statement \
  shared_statement copies_in_and_out cancels pipelines is_notified large_result large_value \
  large_objects error_and_rollback settings_are_kept many_at_once closes; do
  "$step"
  echo "ok $step"
done
