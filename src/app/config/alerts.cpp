// See alerts.hpp.
#include "app/config/alerts.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/config/nearest.hpp"
#include "notify/channel.hpp"
#include "notify/email.hpp"

namespace pgkeel::app {
namespace {

// More would be a configuration by mistake, and each costs a coroutine and a look at the spool.
constexpr std::size_t kChannelsMax = 20;

bool has(const AlertConfig& alert, std::string_view key) {
  if (key == "url") return !alert.url.empty();
  if (key == "token_file") return !alert.token_file.empty();
  if (key == "server") return !alert.server.empty();
  if (key == "from") return !alert.from.empty();
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

// An email channel without an addressee of its own is none: [escalate] gives it one.
bool is_whole(const AlertConfig& alert) {
  return can_hear(alert) && (alert.kind != notify::kEmailKind || !alert.to.empty());
}

std::vector<std::string> names_of(const Config& config) {
  std::vector<std::string> names{std::string(notify::kLogChannel)};
  for (const auto& alert : config.alerts)
    if (can_hear(alert))
      names.push_back(is_whole(alert) ? alert.called() : alert.called() + ":ADDRESS");
  return names;
}

// The nearest of the names, and of their part before the address.
std::optional<std::string> nearest_channel(const Config& config, const std::string& name) {
  std::vector<std::string> known{std::string(notify::kLogChannel)};
  for (const auto& alert : config.alerts) {
    if (!can_hear(alert)) continue;
    known.push_back(alert.called());
    known.push_back(alert.kind);
  }
  auto nearest = nearest_name(name.substr(0, name.find(':')), known);
  if (nearest && name.contains(':')) *nearest += name.substr(name.find(':'));
  return nearest == name ? std::nullopt : nearest;
}

std::string unknown_hint(const Config& config, const std::string& name) {
  const auto nearest = nearest_channel(config, name);
  return fmt::format("{}Channels are: {}. Each but log is an [[alert]] table.",
                     nearest ? fmt::format("Did you mean '{}'? ", *nearest) : "",
                     fmt::join(names_of(config), ", "));
}

void check_escalation(const Config& config, std::vector<Error>& problems) {
  for (const auto& [age, names] : config.escalate)
    for (const auto& name : names)
      if (channels_named(config, name).empty())
        problems.push_back(bad(fmt::format("escalate.{} names '{}', and there is no such channel",
                                           format_duration(age), name),
                               unknown_hint(config, name)));
}

// Whether anybody gets its mail.
bool has_addressee(const Config& config, const AlertConfig& alert) {
  if (!alert.to.empty()) return true;
  const auto means_it = [&](const std::string& name) {
    const auto named = channels_named(config, name);
    return std::ranges::find(named, &alert, &NamedChannel::alert) != named.end();
  };
  return std::ranges::any_of(config.escalate, [&](const auto& step) {
    return std::ranges::any_of(step.second, means_it);
  });
}

void check_email(const Config& config, std::vector<Error>& problems) {
  for (std::size_t i = 0; i < config.alerts.size(); ++i) {
    const auto& alert = config.alerts[i];
    if (alert.kind != notify::kEmailKind) continue;
    if (!alert.user.empty() && alert.token_file.empty())
      problems.push_back(
          bad(fmt::format("alert[{}] has a user and no token_file", i + 1),
              "Write the mail server's password alone on the first line of a file."));
    if (!has_addressee(config, alert))
      problems.push_back(
          bad(fmt::format("alert[{}] (kind = \"email\") has no to", i + 1),
              "Set to, or name an address in [escalate]: \"email:oncall@example.org\"."));
  }
}

}  // namespace

std::vector<NamedChannel> channels_named(const Config& config, std::string_view name) {
  if (name == notify::kLogChannel) return {{std::string(name), nullptr, {}}};
  std::vector<NamedChannel> found;
  for (const auto& alert : config.alerts)
    if (is_whole(alert) && alert.called() == name) return {{alert.called(), &alert, {}}};
  for (const auto& alert : config.alerts)
    if (is_whole(alert) && alert.kind == name) found.push_back({alert.called(), &alert, {}});
  const auto colon = name.find(':');
  if (!found.empty() || colon == std::string_view::npos) return found;
  const auto base = name.substr(0, colon);
  const auto to = name.substr(colon + 1);
  if (!notify::is_mail_address(to)) return {};
  for (const auto& alert : config.alerts)
    if (alert.kind == notify::kEmailKind && (alert.called() == base || alert.kind == base))
      return {{std::string(name), &alert, std::string(to)}};
  return {};
}

std::vector<Error> check_alerts(const Config& config) {
  std::vector<Error> problems;
  if (config.alerts.size() > kChannelsMax)
    problems.push_back(bad(fmt::format("there are {} [[alert]] tables", config.alerts.size()),
                           fmt::format("At most {} are taken.", kChannelsMax)));
  for (std::size_t i = 0; i < config.alerts.size(); ++i)
    check_needs(config.alerts[i], i + 1, problems);
  check_names(config, problems);
  check_email(config, problems);
  check_escalation(config, problems);
  return problems;
}

}  // namespace pgkeel::app
