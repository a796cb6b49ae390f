// A stand-in for the guard: opens the state and writes into ledger and journal without end, and
// says a line on stdout after every call that returned. Tests kill it; what it said must be there.
// Usage: incident_writer STATE_DIR [open]   ("open" says "opened" and ends)
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "incident/journal.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"

namespace {

using namespace pgkeel;
using namespace pgkeel::incident;

// One write(2): a line is said whole or not at all.
void say(std::string line) {
  line += '\n';
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    std::exit(3);
}

template <class Value>
Value must(Result<Value> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<Value>) return std::move(*result);
}

void write_journal(Journal& journal, int round) {
  Incident incident;
  incident.opened_at = wall_now();
  incident.cause = "server_killed";
  incident.subject = fmt::format("round {}", round);
  incident.id = must(journal.open(incident));
  say(fmt::format("incident {}", incident.id));
  must(journal.add_evidence(incident.id, {wall_now(), "process", incident.id}));
  say(fmt::format("evidence {}", incident.id));
  Action action;
  action.step = "start_server";
  action.started_at = wall_now();
  const auto id = must(journal.begin_action(incident.id, action));
  say(fmt::format("begun {}/{}", incident.id, id));
  must(journal.end_action(id, ActionOutcome::Done, "", wall_now()));
  say(fmt::format("ended {}/{}", incident.id, id));
  incident.state = IncidentState::Closed;
  must(journal.update(incident));
  say(fmt::format("closed {}", incident.id));
}

void write_ledger(Ledger& ledger, std::uint64_t round) {
  Identity identity;
  identity.system_id = SystemId(7'300'000'000'000'000'001ULL);
  identity.timeline = TimelineId(1);
  identity.last_lsn = Lsn(round);
  must(ledger.record_identity(identity));
  say(fmt::format("lsn {}", round));
  const auto name = std::to_string(round);
  must(ledger.record_databases(
      {{Oid(1), name, "a", "UTF8", "C", "C"}, {Oid(2), "gone", "", "", "", ""}}));
  say(fmt::format("database {}", round));
  must(ledger.record_relations("shop", {{Oid(1), "public", name, 'r', "a", 0, 0},
                                        {Oid(2), "public", "gone", 'r', "a", 0, 0}}));
  say(fmt::format("relation {}", round));
  must(ledger.record_definitions("shop", {wall_now(), name}));
  say(fmt::format("definitions {}", round));
  must(ledger.record_config_files({{"/postgresql.conf", name, 0600, 0, 0}}));
  say(fmt::format("config {}", round));
  must(ledger.set_fact("round", name));
  say(fmt::format("fact {}", round));
  must(ledger.forget_database("gone", "writer"));
  must(ledger.forget_relation("shop", "public.gone", "writer"));
  say(fmt::format("forgotten {}", round));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto store = must(Store::open(argv[1]));
  say("opened");
  if (argc > 2 && std::string_view(argv[2]) == "open") return 0;
  Journal journal(*store);
  Ledger ledger(*store);
  const auto before = must(ledger.fact("round"));
  const auto first = before.empty() ? 1 : std::stoi(before) + 1;
  for (int round = first;; ++round) {
    write_journal(journal, round);
    write_ledger(ledger, static_cast<std::uint64_t>(round));
    if (round % 7 == 0) {  // an operator accepts the cluster anew now and then
      Identity identity;
      identity.system_id = SystemId(7'300'000'000'000'000'001ULL);
      identity.timeline = TimelineId(1);
      identity.last_lsn = Lsn(static_cast<std::uint64_t>(round));
      must(ledger.accept_identity(identity, "writer"));
      say("accepted");
    }
  }
}
