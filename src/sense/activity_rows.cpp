// See activity_rows.hpp. Columns: kind, four texts, four numbers; what they mean is in the readers.
#include "sense/activity_rows.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "sense/catalog_rows.hpp"

namespace pgkeel::sense {
namespace {

using client::Rows;

// Those that have waited for a moment only are not asked about, so that lively locks cost nothing.
constexpr std::string_view kSessions =
    "with session as materialized (select pid, usename, application_name, datname, state,"
    " xact_start, state_change, query_start, wait_event_type,"
    " greatest(age(backend_xmin), age(backend_xid)) as xmin_age from pg_stat_activity"
    " where backend_type = 'client backend'"
    " or (backend_type is null and usesysid is not null and datid is not null)),"
    " waiting as materialized (select w.*, pg_blocking_pids(w.pid) as blockers from"
    " (select pid, usename, application_name from session where wait_event_type = 'Lock'"
    " and query_start < now() - interval '1 second' order by query_start limit {0}) w),"
    " blocker as materialized (select unnest(blockers) as pid from waiting)";
constexpr std::string_view kSettings =
    " select 'settings', null::text, null::text, null::text, null::text,"
    " pg_has_role('pg_read_all_stats', 'usage')::int::int8,"
    " current_setting('autovacuum_freeze_max_age')::int8, null::int8, null::int8";
constexpr std::string_view kGroups =
    " union all (select 'group', usename, application_name, datname, state, count(*),"
    " max(extract(epoch from now() - state_change))::int8, null, null from session"
    " group by usename, application_name, datname, state order by count(*) desc limit {0})";
constexpr std::string_view kTransactions =
    " union all (select 'transaction', usename, application_name, datname, state, pid,"
    " extract(epoch from now() - xact_start)::int8, extract(epoch from now() - state_change)::int8,"
    " xmin_age from session where xact_start is not null and pid <> pg_backend_pid()"
    " order by pid in (select pid from blocker) desc, xact_start limit {0})"
    " union all select 'waiting', usename, application_name, array_to_string(blockers, ','), null,"
    " pid, null, null, null from waiting";
// By their names in JSON where older majors have no such columns: synced, inactive_since.
constexpr std::string_view kKeepers =
    " union all (select 'prepared', gid, database, owner, null,"
    " extract(epoch from now() - prepared)::int8, age(transaction), null, null"
    " from pg_prepared_xacts order by prepared limit {0})"
    " union all (select 'slot', slot_name, wal_status, slot_type,"
    " case when pg_is_in_recovery() then to_jsonb(s)->>'synced' end, active::int::int8,"
    " pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()"
    " else pg_current_wal_lsn() end, restart_lsn)::int8 as retained,"
    " greatest(age(xmin), age(catalog_xmin)),"
    " extract(epoch from now() - (to_jsonb(s)->>'inactive_since')::timestamptz)::int8"
    " from pg_replication_slots s where not temporary order by (wal_status = 'lost') desc nulls "
    "last, retained desc nulls last limit {0})";
// A database whose DROP was interrupted counts for nothing any more, and nobody can vacuum it. The
// archiver's numbers are not even read where none runs: 13 and 14 would write them out for it, and
// those of a standby are what its primary's once were.
constexpr std::string_view kAges =
    " union all (select 'freeze', datname, null, null, null, age(datfrozenxid),"
    " mxid_age(datminmxid), null, null from pg_database where datconnlimit <> -2"
    " order by age(datfrozenxid) desc limit {0})"
    " union all (select 'archiver', last_failed_wal, null, null, null, archived_count,"
    " failed_count, (extract(epoch from last_archived_time) * 1000000)::int8,"
    " (extract(epoch from last_failed_time) * 1000000)::int8 from pg_stat_archiver"
    " where current_setting('archive_mode') = 'always'"
    " or (current_setting('archive_mode') = 'on' and not pg_is_in_recovery()))";

constexpr std::size_t kFirstText = 1;
constexpr std::size_t kFirstNumber = 5;
constexpr std::size_t kColumns = 9;
constexpr int kWaitersNamed = 3;

// One row with its texts and numbers by their places.
struct Row {
  const Rows& rows;
  std::size_t row;
  [[nodiscard]] std::string text(std::size_t n) const {
    return read_text(rows, row, kFirstText + n);
  }
  [[nodiscard]] std::int64_t number(std::size_t n) const {
    return rows.int64(row, kFirstNumber + n).value_or(0);
  }
  // A clock that was set back makes no negative times.
  [[nodiscard]] Seconds seconds(std::size_t n) const {
    return Seconds(std::max<std::int64_t>(number(n), 0));
  }
  [[nodiscard]] std::optional<WallTime> time(std::size_t n) const {
    const auto micros = rows.int64(row, kFirstNumber + n);
    return micros ? std::optional(WallTime(std::chrono::microseconds(*micros))) : std::nullopt;
  }
};

OpenTransaction read_transaction(const Row& row) {
  OpenTransaction transaction;
  transaction.pid = static_cast<pid_t>(row.number(0));
  transaction.user = row.text(0);
  transaction.application = row.text(1);
  transaction.database = row.text(2);
  transaction.state = row.text(3);
  transaction.open_for = row.seconds(1);
  transaction.in_state_for = row.seconds(2);
  transaction.xmin_age = row.number(3);
  return transaction;
}

Waiter read_waiter(const Row& row) {
  Waiter waiter{fmt::format("pid {} ({}, {})", row.number(0), row.text(0), row.text(1)), {}};
  const auto list = row.text(2);
  const auto* at = list.data();
  const auto* end = list.data() + list.size();
  while (at < end) {
    pid_t pid = 0;
    const auto parsed = std::from_chars(at, end, pid);
    if (parsed.ec != std::errc()) break;
    waiter.blockers.push_back(pid);
    at = parsed.ptr + 1;
  }
  return waiter;
}

ReplicationSlot read_slot(const Row& row) {
  ReplicationSlot slot;
  slot.name = row.text(0);
  slot.wal_status = row.text(1);
  slot.logical = row.text(2) == "logical";
  slot.active = row.number(0) != 0;
  slot.retained_bytes = std::max<std::int64_t>(row.number(1), 0);
  slot.xmin_age = row.number(2);
  slot.synced = row.text(3) == "true";
  slot.idle_looks = slot.active ? 0 : 1;
  slot.inactive_for = row.seconds(3);
  return slot;
}

ArchiverFacts read_archiver(const Row& row) {
  ArchiverFacts facts{row.number(0), row.number(1), row.text(0), row.time(2), row.time(3), 0, {}};
  const bool failing = facts.last_failed_at &&
                       (!facts.last_archived_at || *facts.last_failed_at > *facts.last_archived_at);
  facts.failing_looks = failing ? 1 : 0;
  return facts;
}

void read_row(const Row& row, ActivityFacts& facts, std::map<pid_t, Waiter>& waiters) {
  const auto kind = read_text(row.rows, row.row, 0);
  if (kind == "settings") {
    facts.sees_others = row.number(0) != 0;
    facts.freeze_max_age = row.number(1);
  } else if (kind == "group") {
    facts.groups.push_back({row.text(0), row.text(1), row.text(2), row.text(3),
                            static_cast<int>(row.number(0)), row.seconds(1)});
  } else if (kind == "transaction") {
    facts.transactions.push_back(read_transaction(row));
  } else if (kind == "waiting") {
    waiters.emplace(static_cast<pid_t>(row.number(0)), read_waiter(row));
  } else if (kind == "prepared") {
    facts.prepared.push_back(
        {row.text(0), row.text(1), row.text(2), row.seconds(0), row.number(1)});
  } else if (kind == "slot") {
    facts.slots.push_back(read_slot(row));
  } else if (kind == "freeze") {
    facts.freeze.push_back({row.text(0), row.number(0), row.number(1)});
  } else if (kind == "archiver") {
    facts.archiver = read_archiver(row);
  }
}

// Everybody a session waits for, directly or behind another.
std::set<pid_t> ahead_of(const Waiter& waiter, const std::map<pid_t, Waiter>& waiters) {
  std::set<pid_t> ahead;
  std::vector<pid_t> next = waiter.blockers;
  while (!next.empty()) {
    const auto pid = next.back();
    next.pop_back();
    if (!ahead.insert(pid).second) continue;
    const auto also = waiters.find(pid);
    if (also != waiters.end())
      next.insert(next.end(), also->second.blockers.begin(), also->second.blockers.end());
  }
  return ahead;
}

template <class Item>
const Item* find_same(const std::vector<Item>& items, bool (*same)(const Item&, const Item&),
                      const Item& wanted) {
  const auto found =
      std::ranges::find_if(items, [&](const Item& item) { return same(item, wanted); });
  return found == items.end() ? nullptr : &*found;
}

// Looks go on where the same thing was inactive or failed all along, and its time with them.
void carry_over_slots(const ActivityFacts& before, ActivityFacts& now) {
  for (auto& slot : now.slots) {
    if (slot.active) continue;
    slot.idle_since = now.at;
    const auto* last = find_same<ReplicationSlot>(
        before.slots, [](const auto& a, const auto& b) { return a.name == b.name; }, slot);
    if (last == nullptr || last->active) continue;
    slot.idle_looks += last->idle_looks;
    slot.idle_since = last->idle_since;
  }
}

// A success between the two looks ends what failed before it.
void carry_over_archiver(const ActivityFacts& before, ActivityFacts& now) {
  if (!now.archiver || now.archiver->failing_looks == 0) return;
  now.archiver->failing_since = now.at;
  const auto& last = before.archiver;
  if (!last || last->failing_looks == 0 || last->archived != now.archiver->archived) return;
  now.archiver->failing_looks += last->failing_looks;
  now.archiver->failing_since = last->failing_since;
}

}  // namespace

const std::string& activity_statement() {
  static const auto text = [] {
    std::string all;
    for (const auto part : {kSessions, kSettings, kGroups, kTransactions, kKeepers, kAges})
      all += fmt::format(fmt::runtime(part), kActivityRowsMax);
    return all;
  }();
  return text;
}

ActivityFacts read_activity(const Rows& rows) {
  ActivityFacts facts;
  std::map<pid_t, Waiter> waiters;
  if (rows.columns() == kColumns)
    for (std::size_t row = 0; row < rows.size(); ++row) read_row({rows, row}, facts, waiters);
  count_waiting(waiters, facts.transactions);
  std::ranges::sort(facts.transactions, std::ranges::greater{}, &OpenTransaction::open_for);
  return facts;
}

void count_waiting(const std::map<pid_t, Waiter>& waiters,
                   std::vector<OpenTransaction>& transactions) {
  for (const auto& [pid, waiter] : waiters) {
    const auto ahead = ahead_of(waiter, waiters);
    for (auto& transaction : transactions) {
      if (transaction.pid == pid || !ahead.contains(transaction.pid)) continue;
      transaction.blocking_looks = 1;
      if (++transaction.blocks > kWaitersNamed) continue;
      transaction.waiting += (transaction.waiting.empty() ? "" : ", ") + waiter.who;
    }
  }
}

void carry_over(const ActivityFacts& before, ActivityFacts& now) {
  using Transaction = OpenTransaction;
  for (auto& transaction : now.transactions) {
    const auto* last = find_same<Transaction>(
        before.transactions, [](const auto& a, const auto& b) { return a.pid == b.pid; },
        transaction);
    // A younger transaction of the same session is another one.
    if (last == nullptr || transaction.open_for < last->open_for) continue;
    if (transaction.blocks > 0) transaction.blocking_looks += last->blocking_looks;
  }
  carry_over_slots(before, now);
  carry_over_archiver(before, now);
}

bool wants_confirming(const ActivityFacts& facts) {
  return std::ranges::count(facts.transactions, 1, &OpenTransaction::blocking_looks) > 0 ||
         std::ranges::count(facts.slots, 1, &ReplicationSlot::idle_looks) > 0 ||
         (facts.archiver && facts.archiver->failing_looks == 1);
}

}  // namespace pgkeel::sense
