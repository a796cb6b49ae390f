// See alerts.hpp.
#include "app/config/alerts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "notify/channel.hpp"

namespace pgkeel::app {
namespace {

// More would be a configuration by mistake, and each costs a coroutine and a look at the spool.
constexpr std::size_t kChannelsMax = 20;

bool has(const AlertConfig& alert, std::string_view key) {
  if (key == "url") return !alert.url.empty();
  if (key == "token_file") return !alert.token_file.empty();
  return key == "chat_id" ? !alert.chat_id.empty() : true;
}

Error bad(std::string detail, std::string_view hint) {
  return Error(ErrorCode::ConfigBadValue, std::move(detail)).with_hint(hint);
}

void check_needs(const AlertConfig& alert, std::size_t number, std::vector<Error>& problems) {
  const auto* kind = notify::channel_kind(alert.kind);
  if (kind == nullptr) return;  // said already
  auto needs = kind->needs;
  while (!needs.empty()) {
    const auto key = needs.substr(0, needs.find(' '));
    needs.remove_prefix(std::min(key.size() + 1, needs.size()));
    if (has(alert, key)) continue;
    problems.push_back(
        bad(fmt::format("alert[{}] (kind = \"{}\") has no {}", number, alert.kind, key),
            fmt::format("A channel of this kind needs {}; docs/guide/alerts.md shows one.", key)));
  }
}

void check_names(const Config& config, std::vector<Error>& problems) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < config.alerts.size(); ++i) {
    auto name = config.alerts[i].called();
    const bool taken = name == notify::kLogChannel || std::ranges::find(names, name) != names.end();
    if (taken)
      problems.push_back(
          bad(fmt::format("alert[{}] is called '{}' like another channel", i + 1, name),
              "Give it a name of its own: name = \"...\"."));
    names.push_back(std::move(name));
  }
}

bool can_hear(const AlertConfig& alert) { return alert.kind != notify::kDeadmanKind; }

std::string channels_of(const Config& config) {
  std::string names(notify::kLogChannel);
  for (const auto& alert : config.alerts)
    if (can_hear(alert)) names += ", " + alert.called();
  return names;
}

void check_escalation(const Config& config, std::vector<Error>& problems) {
  for (const auto& [age, names] : config.escalate) {
    for (const auto& name : names) {
      const bool known = name == notify::kLogChannel ||
                         std::ranges::any_of(config.alerts, [&name](const AlertConfig& alert) {
                           return can_hear(alert) && alert.called() == name;
                         });
      if (known) continue;
      problems.push_back(bad(fmt::format("escalate.{} names '{}', and there is no such channel",
                                         format_duration(age), name),
                             fmt::format("Channels are: {}. Each but log is an [[alert]] table.",
                                         channels_of(config))));
    }
  }
}

}  // namespace

std::vector<Error> check_alerts(const Config& config) {
  std::vector<Error> problems;
  if (config.alerts.size() > kChannelsMax)
    problems.push_back(bad(fmt::format("there are {} [[alert]] tables", config.alerts.size()),
                           fmt::format("At most {} are taken.", kChannelsMax)));
  for (std::size_t i = 0; i < config.alerts.size(); ++i)
    check_needs(config.alerts[i], i + 1, problems);
  check_names(config, problems);
  check_escalation(config, problems);
  return problems;
}

}  // namespace pgkeel::app
