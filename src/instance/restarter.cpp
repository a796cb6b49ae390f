// See restarter.hpp.
#include "instance/restarter.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace pgkeel::instance {
namespace {

using enum Restarter::Kind;

constexpr auto kWords = std::to_array<std::pair<Restarter::Kind, std::string_view>>(
    {{Container, "container"}, {Service, "service"}, {Unit, "unit"}});

std::string_view word_of(Restarter::Kind kind) {
  for (const auto& [each, word] : kWords)
    if (each == kind) return word;
  return "";
}

}  // namespace

Restarter held(Restarter restarter) {
  switch (restarter.kind) {
    case None: break;
    case Container: restarter.setting = "no"; break;
    case Service: restarter.setting = "0"; break;
    case Unit: restarter.setting = kUnitMasked; break;
  }
  return restarter;
}

bool starts_nothing(const Restarter& restarter) { return restarter == held(restarter); }

std::string describe(const Restarter& restarter) {
  switch (restarter.kind) {
    case None: return "nothing starts it by itself";
    case Container:
      return fmt::format("restart policy of container {}: {}", restarter.name.substr(0, 12),
                         restarter.setting);
    case Service: return fmt::format("service {}: {} tasks", restarter.name, restarter.setting);
    case Unit: return fmt::format("unit {}: {}", restarter.name, restarter.setting);
  }
  return "";
}

std::string to_text(const Restarter& restarter) {
  if (restarter.kind == None) return {};
  return fmt::format("{} {} {}", word_of(restarter.kind), restarter.name, restarter.setting);
}

std::optional<Restarter> parse_restarter(std::string_view text) {
  const auto first = text.find(' ');
  const auto last = text.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  for (const auto& [kind, word] : kWords)
    if (text.substr(0, first) == word)
      return Restarter{kind, std::string(text.substr(first + 1, last - first - 1)),
                       std::string(text.substr(last + 1))};
  return std::nullopt;
}

}  // namespace pgkeel::instance
