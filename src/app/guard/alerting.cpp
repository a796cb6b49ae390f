// See alerting.hpp.
#include "app/guard/alerting.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/config/alerts.hpp"
#include "incident/evidence_store.hpp"

namespace pgkeel::app {
namespace {

constexpr int kMissedProbes = 3;  // as everywhere: one lost is noise
// Shorter than the least interval of pings, so that each has seen the loop go round; long enough
// for two dead-man's switches to ask in the same turn.
constexpr Seconds kTurnPatience{5};
constexpr std::string_view kAliveFact = "whole_loop_at";

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown host";
  return name.data();
}

notify::ChannelOptions channel_options(const AlertConfig& alert) {
  notify::ChannelOptions options;
  options.name = alert.called();
  options.kind = alert.kind;
  options.url = alert.url;
  options.token_file = alert.token_file;
  options.chat_id = alert.chat_id;
  options.api_url = alert.api_url;
  options.server = alert.server;
  options.from = alert.from;
  options.to = alert.to;
  options.user = alert.user;
  options.least = alert.min_severity;
  options.repeat_every = alert.repeat_every;
  options.interval = alert.interval;
  return options;
}

// A channel named twice at one age is told once; an address of [escalate] is a channel of its own.
void add_step(notify::AlertsOptions& options, Millis age, const NamedChannel& meant) {
  auto& step = options.escalate[age];
  if (std::ranges::find(step, meant.name) == step.end()) step.push_back(meant.name);
  const bool known = meant.alert == nullptr ||
                     std::ranges::find(options.channels, meant.name,
                                       &notify::ChannelOptions::name) != options.channels.end();
  if (known) return;
  auto channel = channel_options(*meant.alert);
  channel.name = meant.name;
  channel.to = meant.to;
  options.channels.push_back(std::move(channel));
}

}  // namespace

notify::AlertsOptions alerts_options(const Config& config, std::string instance) {
  notify::AlertsOptions options;
  for (const auto& alert : config.alerts)
    if (alert.kind != notify::kEmailKind || !alert.to.empty())
      options.channels.push_back(channel_options(alert));
  for (const auto& [age, names] : config.escalate)
    for (const auto& name : names)
      for (const auto& meant : channels_named(config, name)) add_step(options, age, meant);
  options.origin = {std::move(instance), host_name(), 0,
                    incident::evidence_dir(config.state_dir).string()};
  return options;
}

WholeLoop::WholeLoop(const Config& config, runtime::Loop& loop, const sense::Senses& senses,
                     const recover::Conductor& conductor, incident::Ledger& ledger)
    : config_(config), loop_(loop), senses_(senses), conductor_(conductor), ledger_(ledger) {}

std::string WholeLoop::what_is_wrong() const {
  const auto& seen = senses_.observation();
  const auto& sense = config_.sense;
  if (!seen.healthy()) return "the database does not serve";
  if (loop_.now() - seen.login.at > kMissedProbes * sense.login_every + sense.timeout)
    return "the last login probe is too old";
  if (!conductor_.findings().empty()) return conductor_.findings().front().summary;
  for (const auto& tracked : conductor_.state().incidents)
    if (tracked.state != incident::IncidentState::Watching)
      return "incident " + tracked.id + " is not over";
  return {};
}

std::string WholeLoop::objection() {
  if (auto why = what_is_wrong(); !why.empty()) return why;
  const auto turns = conductor_.turns();
  if (turns != turns_seen_) turned_at_ = loop_.now();
  turns_seen_ = turns;
  if (loop_.now() - turned_at_ > kTurnPatience) return "the guard's loop has not gone round";
  const auto written = ledger_.set_fact(kAliveFact, to_iso8601(wall_now()));
  return written ? std::string() : written.error().message();
}

}  // namespace pgkeel::app
