// See fault_stories.hpp. The steps and sentences are those of the playbooks and rules; a playbook
// that learns another step changes nothing here: the goldens are about the report.
#include "fault_stories.hpp"

#include <initializer_list>
#include <string>

#include "incident/event_words.hpp"
#include "samples.hpp"

namespace pgkeel::incident {
namespace {

constexpr std::int64_t kWatchMillis = 600'000;

struct Seen {
  const char* source;
  const char* text;
};
struct Done {
  const char* step;
  const char* detail;
  const char* note;
};

// An incident under way; the clock of a story counts milliseconds from its opening.
class Story {
 public:
  Story(std::string_view cause, std::string_view subject, std::string_view summary,
        std::initializer_list<Seen> evidence) {
    incident_.id = "2026-11-21-003";
    incident_.opened_at = at(0);
    incident_.detected = Millis(47);
    incident_.cause = cause;
    incident_.confidence = 0.95;
    incident_.subject = subject;
    incident_.summary = summary;
    for (const auto& seen : evidence) incident_.evidence.push_back({at(0), seen.source, seen.text});
  }

  Story& excluded(const std::string& words) { return event(std::string(kExcludedEvent) + words); }
  Story& perhaps(const std::string& words) { return event(std::string(kAlternativeEvent) + words); }
  Story& event(std::string text) {
    incident_.events.push_back({at(clock_), std::move(text)});
    return *this;
  }
  Story& warns() {
    incident_.severity = Severity::Warning;
    return *this;
  }
  Story& did(std::string_view playbook, std::initializer_list<Done> steps) {
    for (const auto& step : steps) {
      Action action;
      action.id = ++last_action_;
      action.playbook = playbook;
      action.step = step.step;
      action.detail = step.detail;
      action.started_at = at(clock_ += 5);
      action.ended_at = at(clock_ += 210);
      action.outcome = ActionOutcome::Done;
      action.note = step.note;
      incident_.actions.push_back(std::move(action));
    }
    return *this;
  }
  Story& lost(std::string words, std::optional<std::int64_t> rows) {
    incident_.loss = {std::move(words)};
    incident_.rows_lost = rows;
    return *this;
  }
  Incident waits(const std::string& why) {
    incident_.state = IncidentState::Waiting;
    event("waiting for " + why);
    return incident_;
  }
  Incident back() { return ends("service restored after "); }
  Incident over() { return ends("over after "); }

 private:
  Incident ends(std::string_view how) {
    for (const auto* check : {"login", "write", "databases", "tables"})
      incident_.verified.push_back({at(clock_ += 2), check, true, "took 2 ms"});
    incident_.recovered = Millis(clock_);
    if (incident_.loss.empty()) incident_.rows_lost = 0;
    event(std::string(how) + humane_duration(*incident_.recovered) + "; watching for 10 min");
    incident_.state = IncidentState::Closed;
    incident_.closed_at = at(clock_ += kWatchMillis);
    event(std::string(kClosedEvent) + "stable through the watch");
    return incident_;
  }

  Incident incident_;
  std::int64_t clock_ = 0;
  std::int64_t last_action_ = 0;
};

constexpr auto kInstance = "instance";
constexpr auto kTable = "shop.public.orders";

std::vector<Incident> of_server() {
  return {
      Story(
          "server_killed", kInstance, "The server's main process died without a shutdown.",
          {{"process", "the main process 4242 ended by signal 9"}, {"login", "connection refused"}})
          .excluded("volume_lost, because the data directory is there and bears the known system "
                    "identifier")
          .excluded("disk_full, because 30 GB are free at /srv")
          .perhaps("oom_killed; what would tell: a kill in the kernel's log")
          .did("restart_server", {{"start_server", "pg_ctl start -D /srv/main", "pid 4300"}})
          .back(),
      Story("server_hung", kInstance,
            "The server's main process is stopped (SIGSTOP) and answers no login.",
            {{"process", "4242 is stopped"}, {"login", "no answer within 2 s, twice"}})
          .did("resume_server", {{"resume_stopped", "SIGCONT to 4242", "it runs"}})
          .back(),
      Story("connection_storm", kInstance,
            "The server's 100 connections are used up; 88 of them by application shop-api.",
            {{"login", "53300: too many clients already"}})
          .perhaps("idle_in_transaction; what would tell: sessions that hold transactions open")
          .waits(
              "a human: let the application keep fewer connections, or put a pool in front of it"),
      Story("stale_pid", kInstance, "postmaster.pid names 4242, which is another program now.",
            {{"files", "postmaster.pid names 4242"}, {"process", "4242 is /usr/bin/sleep"}})
          .did("restart_server", {{"start_server", "pg_ctl start -D /srv/main", "pid 4300"}})
          .back(),
      Story("oom_killed", kInstance, "The kernel killed the server for want of memory.",
            {{"process", "the main process 4242 ended by signal 9"},
             {"host", "oom_kill 1 -> 2 in the server's control group"}})
          .did("restart_server", {{"start_server", "pg_ctl start -D /srv/main", "pid 4300"}})
          .back(),
      Story("config_broken", kInstance,
            "The server refuses its configuration: unrecognized configuration parameter "
            "\"shared_bufers\".",
            {{"process", "the main process 4242 ended by signal 9"},
             {"server_log",
              "unrecognized configuration parameter \"shared_bufers\" in file postgresql.conf line "
              "12"}})
          .did("restore_configuration",
               {{"set_aside_configuration",
                 "postgresql.conf to postgresql.conf.broken-20261121T030405Z", "kept"},
                {"restore_configuration", "postgresql.conf as of 2026-11-20 18:00", "written"},
                {"start_server", "pg_ctl start -D /srv/main", "pid 4300"}})
          .back(),
      Story("port_taken", kInstance,
            "Port 5432 is taken by nc (4711); the server starts when it is free again.",
            {{"server_log", "could not bind IPv4 address: Address already in use"}})
          .waits("the port to be free"),
      Story("guard_killed", "guard", "The guard before this one ended without being told to.",
            {{"guard", "its last sign of life was 4 s before this one started"}})
          .warns()
          .over(),
  };
}

std::vector<Incident> of_object() {
  return {
      Story("table_dropped", kTable, "Table shop.public.orders existed and is gone.",
            {{"catalog", "oid 16412 is in no listing any more"},
             {"wal", "DROP by role app, xid 23015, LSN 0/3A7D9060"}})
          .lost("what was written to shop.public.orders in the last 90 ms before it was found "
                "dropped",
                std::nullopt)
          .did("restore_table",
               {{"restore_table", "shop.public.orders as of LSN 0/3A7D9060", "41873 rows"}})
          .back(),
      Story("table_truncated", kTable,
            "Table shop.public.orders was emptied at once: 50000 rows were in it.",
            {{"statistics", "50000 rows before, 0 after"}, {"catalog", "its file is another one"}})
          .lost("50000 rows of shop.public.orders", 50000)
          .waits("a human: restore its rows beside it, or say that it was meant ('pgkeel undrop "
                 "forget')"),
      Story("mass_delete", kTable,
            "50000 of 50000 rows of shop.public.orders were deleted within 2 s.",
            {{"statistics", "50000 rows deleted by 1 statement"}})
          .warns()
          .lost("50000 rows of shop.public.orders", 50000)
          .waits("a human: restore the rows beside it, or say that it was meant ('pgkeel undrop "
                 "forget')"),
      Story("schema_dropped", "shop.sales",
            "Schema shop.sales is gone with the 2 tables that were in it.",
            {{"catalog", "schema sales is in no listing any more"}})
          .lost("2 tables of shop.sales", 812)
          .waits("a human: restore its tables, or say that it was meant ('pgkeel undrop forget')"),
      Story("database_dropped", "shop", "Database shop existed and is gone.",
            {{"catalog", "oid 16384 is in no listing any more"}})
          .lost("what was written to shop since the last checkpoint before it was dropped",
                std::nullopt)
          .did("restore_database", {{"restore_database", "shop as of LSN 0/3A7D9060", "12 tables"}})
          .back(),
  };
}

std::vector<Incident> of_data() {
  return {
      Story("volume_lost", kInstance, "The data directory /srv/main is gone.",
            {{"files", "no such directory: /srv/main"},
             {"process", "the main process 4242 ended by signal 9"}})
          .did("reattach_data", {{"find_data", "/srv and its neighbours",
                                  "found at /srv/main.old, the known system identifier"},
                                 {"move_back", "rename /srv/main.old to /srv/main", "done"},
                                 {"start_server", "pg_ctl start -D /srv/main", "pid 4300"}})
          .back(),
      Story("disk_full", kInstance,
            "The disk at /srv/space (tablespace) is full: 0 B of 20 GB are free.",
            {{"server_log", "could not extend file: No space left on device"},
             {"host", "0 B free at /srv/space"}})
          .waits("a human: make room on the disk"),
      Story("wal_disk_full", kInstance, "The disk of the WAL is full: 0 B are free at /srv.",
            {{"server_log",
              "PANIC: could not write to file pg_wal/xlogtemp.77: No space left on device"},
             {"host", "0 B free at /srv"}})
          .excluded("server_killed, because its log ends with a PANIC for want of room")
          .waits("a human: make room on the disk of the WAL; the server is started when there is"),
      Story("heap_corrupted", kTable, "Table shop.public.orders is damaged at block 7.",
            {{"server_log", "invalid page in block 7 of relation base/16384/16412"}})
          .waits("a human: restore the relation beside the live one"),
      Story("index_corrupted", "shop.public.orders_pkey",
            "Index shop.public.orders_pkey is damaged.",
            {{"server_log", "index orders_pkey contains unexpected zero page at block 3"}})
          .perhaps("heap_corrupted; what would tell: pg_amcheck --heapallindexed")
          .waits("a human: check the table, then REINDEX"),
      Story("control_file_lost", kInstance,
            "The control file cannot be read: global/pg_control is missing.",
            {{"files", "no such file: global/pg_control"},
             {"process", "the main process 4242 ended by signal 9"}})
          .waits("a human: restore a backup beside it"),
      Story(
          "wrong_identity", kInstance, "The data directory belongs to another cluster.",
          {{"control_file", "system identifier 7300000000000000099, known is 7300000000000000001"}})
          .waits("a human: bring the known data back, or accept this cluster with 'pgkeel unfence "
                 "--yes'"),
      Story("mount_missing", kInstance,
            "The file system of /srv is not mounted: ext4 0a1b2c3d-0000-4000-8000-000000000001.",
            {{"host", "/srv is on the root file system"},
             {"process", "the main process 4242 ended by signal 9"}})
          .waits("the file system to be mounted"),
  };
}

std::vector<Incident> of_upkeep() {
  return {
      Story("archive_failing", "archive.command",
            "The server's archive_command fails: 12 times in a row, last for "
            "00000001000000000000002A.",
            {{"archiver", "failed_count 0 -> 12"}})
          .warns()
          .over(),
      Story("slot_abandoned", "slot old_standby",
            "Replication slot old_standby is read by nobody and keeps 3.1 GB of WAL.",
            {{"catalog", "active = f, wal_status = extended"}})
          .warns()
          .waits(
              "a human: bring the slot's reader back, or drop it with pg_drop_replication_slot()"),
      Story("idle_in_transaction", "session 5123",
            "A session holds others up: pid 5123 of shop-worker, idle in transaction for 6 min.",
            {{"activity", "5123 is idle in transaction; 3 sessions wait for it"}})
          .warns()
          .over(),
      Story("wraparound_near", "shop", "2.0 of 2.1 billion transaction ids are used up in shop.",
            {{"catalog", "age(datfrozenxid) = 2000000123"},
             {"catalog", "prepared transaction 'x' holds the oldest"}})
          .warns()
          .waits("a human: end what holds vacuum up, then 'vacuumdb --freeze'"),
  };
}

}  // namespace

std::vector<Incident> fault_stories() {
  std::vector<Incident> all;
  for (const auto& part : {of_server(), of_object(), of_data(), of_upkeep()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<StandingCheck> sample_standing() {
  return {{"newest backup younger than 24 h", CheckResult::Passed, "made 3 h 12 min ago", {}},
          {"a restore was proven lately", CheckResult::NotKnown, "no guard answers", {}},
          {"copy off the site", CheckResult::Gap,
           "none: the host and its archive can be lost together", "Set up `archive.offsite`."}};
}

}  // namespace pgkeel::incident
