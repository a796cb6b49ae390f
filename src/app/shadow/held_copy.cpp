// See held_copy.hpp.
#include "app/shadow/held_copy.hpp"

#include <algorithm>
#include <ranges>
#include <thread>

#include "app/archive/copy_programs.hpp"
#include "app/archive/tools.hpp"
#include "app/shadow/places.hpp"
#include "archive/restore/private_server.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::app {
namespace {

using archive::UndropSubject;
using shadow::GateEntry;
using shadow::GateStatus;

constexpr Millis kLookEvery{10};
constexpr Seconds kGateIsRead{10};  // and what it found judged
constexpr Seconds kStatusAgeMax{5};
constexpr Seconds kReplayed{10};

std::optional<GateStatus> read_gate(const Config& config) {
  auto status = shadow::read_gate_status(config.state_dir / shadow::kGateStatusFile);
  return status ? std::optional(*std::move(status)) : std::nullopt;
}

// What it is asked to release by now counts as released.
bool is_back(const std::vector<shadow::ReleaseWish>& wishes, const GateEntry& entry,
             const shadow::LostRelation* relation) {
  if (relation != nullptr && relation->back) return true;
  return std::ranges::any_of(wishes, [&](const shadow::ReleaseWish& wish) {
    if (wish.decided != entry.decided) return false;
    if (wish.back.empty() || relation == nullptr) return true;
    const auto name = relation->schema + "." + relation->name;
    return std::ranges::find(wish.back, name) != wish.back.end();
  });
}

bool covers(const GateEntry& entry, const UndropSubject& subject,
            const std::vector<shadow::ReleaseWish>& wishes) {
  const auto& destroyed = entry.destruction;
  if (!destroyed || destroyed->database != subject.database) return false;
  if (subject.is_database())
    return destroyed->whole && entry.end != shadow::HoldEnd::Released &&
           !is_back(wishes, entry, nullptr);
  const auto* relation = destroyed->find(subject.schema, subject.table);
  return relation != nullptr && !is_back(wishes, entry, relation);
}

std::optional<GateEntry> last_of(const Config& config, const GateStatus& gate,
                                 const UndropSubject& subject) {
  const auto wishes = shadow::release_wishes(config.state_dir / shadow::kReleasesDirectory);
  for (const auto& entry : gate.entries | std::views::reverse)
    if (covers(entry, subject, wishes)) return entry;
  return std::nullopt;
}

enum class GateView {
  None,     ///< no gate reads, or it does not say how far
  Behind,   ///< it has not read all that was written
  Current,  ///< and what it found is in its file
};

// By the shadow's process, which says so twice a second while it follows.
GateView look_at_gate(const Config& config, Lsn written) {
  const auto status = shadow::read_shadow_status(config.state_dir / shadow::kShadowStatusFile);
  const bool reads = status && status->state == shadow::ShadowState::Following &&
                     status->gate_read_lsn.valid() &&
                     wall_now() - status->written_at < kStatusAgeMax;
  if (!reads) return GateView::None;
  return status->gate_read_lsn >= written ? GateView::Current : GateView::Behind;
}

bool knows_all(const GateStatus& gate) {
  return std::ranges::none_of(
      gate.entries, [](const GateEntry& entry) { return entry.kept() && !entry.destruction; });
}

bool first_kept(const GateStatus& gate, const GateEntry& entry) {
  return std::ranges::none_of(gate.entries, [&](const GateEntry& other) {
    return other.kept() && other.before < entry.before;
  });
}

Result<archive::PrivateServerOptions> shadow_server(const Config& config) {
  archive::PrivateServerOptions options;
  options.work_dir = shadow_socket_directory(config);
  options.superuser = superuser_of(config);
  TRY(account, copy_account(config));
  options.account = std::move(account);
  return options;
}

Result<Lsn> replayed_by(const archive::PrivateServerOptions& server) {
  TRY(session, archive::connect_to(server, "template1"));
  TRY(rows, session.run("select pg_last_wal_replay_lsn()::text as replayed"));
  const auto* replayed = rows.at(0, "replayed");
  if (replayed == nullptr) return fail(ErrorCode::WrongState, "the shadow replays nothing");
  return parse_lsn(*replayed);
}

// False: it does not answer, does not get there, or has gone by.
bool stands_before(const archive::PrivateServerOptions& server, const GateEntry& entry,
                   const std::stop_token& stop) {
  const auto until = SteadyClock::now() + kReplayed;
  const auto there = shadow::end_before(entry.before);
  while (!stop.stop_requested() && SteadyClock::now() < until) {
    const auto replayed = replayed_by(server);
    if (!replayed || *replayed > entry.before) return false;
    if (*replayed >= there) return true;
    std::this_thread::sleep_for(kLookEvery);
  }
  return false;
}

}  // namespace

// What is kept is there to be read; the first one as soon as it is certain, which says up to where.
// What ended long ago is believed only where the gate has seen everything since: else it might not
// be the last of that name.
std::optional<GateEntry> find_destruction(const Config& config, const UndropSubject& subject,
                                          Lsn written, const std::stop_token& stop) {
  const auto until = SteadyClock::now() + kGateIsRead;
  while (true) {
    const auto view = look_at_gate(config, written);  // before the look at what it found
    const auto gate = read_gate(config);
    if (!gate) return std::nullopt;
    auto entry = last_of(config, *gate, subject);
    const bool over =
        view == GateView::None || stop.stop_requested() || SteadyClock::now() >= until;
    const bool kept = entry && entry->kept();
    if (kept && (over || !entry->provisional || !first_kept(*gate, *entry))) return entry;
    if (!kept && view == GateView::Current && knows_all(*gate)) return entry;
    if (over) return std::nullopt;
    std::this_thread::sleep_for(kLookEvery);
  }
}

std::optional<archive::StandingCopy> held_copy(const Config& config, const GateEntry& entry,
                                               const std::stop_token& stop) {
  if (!is_at_hand(config, entry)) return std::nullopt;
  const auto server = shadow_server(config);
  if (!server || !stands_before(*server, entry, stop)) return std::nullopt;
  return archive::StandingCopy{archive::conninfo_of(*server, "template1"), server->account,
                               entry.before};
}

std::vector<GateEntry> known_destructions(const Config& config) {
  std::vector<GateEntry> known;
  const auto gate = read_gate(config);
  for (const auto& entry : gate ? gate->entries : std::vector<GateEntry>())
    if (entry.destruction && !entry.destruction->all_back() &&
        entry.end != shadow::HoldEnd::Released)
      known.push_back(entry);
  std::ranges::reverse(known);
  return known;
}

bool is_at_hand(const Config& config, const GateEntry& entry) {
  const auto gate = read_gate(config);
  return gate && entry.kept() && !entry.provisional && first_kept(*gate, entry);
}

bool unknown_ones_behind(const Config& config, const GateEntry& entry) {
  const auto gate = read_gate(config);
  return gate && std::ranges::any_of(gate->entries, [&](const GateEntry& other) {
           return other.kept() && !other.destruction && other.before > entry.before;
         });
}

}  // namespace pgkeel::app
