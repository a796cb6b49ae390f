// See moment.hpp.
#include "diagnose/moment.hpp"

#include <algorithm>
#include <array>

#include "diagnose/moment_codec.hpp"
#include "incident/redact.hpp"

namespace pgkeel::diagnose {
namespace {

using kept::Json;

constexpr auto kPlainVariables =
    std::to_array<std::string_view>({"PGDATA", "PG_MAJOR", "PG_VERSION", "POSTGRES_DB",
                                     "POSTGRES_USER", "LANG", "TZ", "POSTGRES_HOST_AUTH_METHOD"});
constexpr std::string_view kEngineLabels = "com.docker.swarm.";
constexpr auto kPlainLabels = std::to_array<std::string_view>(
    {"com.docker.compose.service", "com.docker.compose.project.config_files"});

// Only what rules ask of labels: others may hold a proxy's passwords.
void mask(instance::ContainerFacts& container) {
  for (auto& [name, value] : container.environment)
    if (!is_plain_variable(name)) value = incident::kMask;
  std::erase_if(container.labels, [](const auto& label) {
    return !label.first.starts_with(kEngineLabels) &&
           std::ranges::find(kPlainLabels, label.first) == kPlainLabels.end();
  });
}

template <class Relation>
std::set<std::uint32_t> oids_of(const std::vector<Relation>& relations) {
  std::set<std::uint32_t> oids;
  for (const auto& relation : relations) oids.insert(relation.oid.value);
  return oids;
}

template <class Relation>
void leave_out(std::vector<Relation>& relations, const std::set<std::uint32_t>& oids) {
  std::erase_if(relations,
                [&](const Relation& relation) { return oids.contains(relation.oid.value); });
}

}  // namespace

bool is_plain_variable(std::string_view name) {
  return std::ranges::find(kPlainVariables, name) != kPlainVariables.end();
}

nlohmann::ordered_json moment_to_json(const Moment& moment, const Scrub& scrub) {
  auto seen = moment.seen;
  if (seen.hosting.facts) mask(seen.hosting.facts->container);
  const kept::Writer writer(scrub);
  return {{"form", kMomentForm},
          {"now", writer.write(moment.now)},
          {"wall", writer.write(moment.wall)},
          {"seen", writer.write(seen)},
          {"known", writer.write(moment.known)}};
}

Result<Moment> moment_from_json(const nlohmann::ordered_json& json) {
  constexpr auto kMembers = std::to_array<const char*>({"form", "now", "wall", "seen", "known"});
  const auto is_there = [&json](const char* name) { return json.contains(name); };
  if (!json.is_object() || json.size() != kMembers.size() ||
      !std::ranges::all_of(kMembers, is_there))
    return fail(ErrorCode::Malformed, "this is no kept moment of an incident");
  if (json["form"] != kMomentForm) {
    return fail(Error(ErrorCode::Unsupported, "the moment was kept in another form")
                    .with_hint("Replay it with the version of pgkeel that kept it."));
  }
  Moment moment;
  kept::Reader reader;
  if (!reader.read(json["now"], moment.now) || !reader.read(json["wall"], moment.wall) ||
      !reader.read(json["seen"], moment.seen) || !reader.read(json["known"], moment.known)) {
    return fail(ErrorCode::Malformed,
                fmt::format("the kept moment does not read: {}",
                            reader.wrong().empty() ? "a time of it" : reader.wrong()));
  }
  return moment;
}

Result<Moment> parse_moment(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::Malformed, "the kept moment is not JSON");
  return moment_from_json(json);
}

void thin_out(Moment& moment) {
  for (auto& [database, listing] : moment.seen.catalog.listings) {
    const auto known = moment.known.relations.find(database);
    if (known == moment.known.relations.end()) continue;
    auto there = oids_of(listing.relations);
    const auto remembered = oids_of(known->second);
    std::erase_if(there, [&](std::uint32_t oid) { return !remembered.contains(oid); });
    for (const auto& [subject, lost] : moment.known.lost_rows) there.erase(lost.oid.value);
    leave_out(listing.relations, there);
    leave_out(known->second, there);
  }
}

}  // namespace pgkeel::diagnose
