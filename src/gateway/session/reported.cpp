// See reported.hpp.
#include "gateway/session/reported.hpp"

#include <algorithm>

#include "pg/wire/backend_messages.hpp"

namespace pgkeel::gateway {
namespace {

// Servers report some fifteen; what speaks for one is not kept without end.
constexpr std::size_t kReportedMost = 128;

const pg::wire::Setting* find(const Parameters& parameters, std::string_view name) {
  const auto found = std::ranges::find(parameters, name, &pg::wire::Setting::name);
  return found == parameters.end() ? nullptr : &*found;
}

}  // namespace

ReportedParameters changed(const ReportedParameters& before, std::string_view name,
                           std::string_view value) {
  if (!before || name == kApplicationName) return before;
  const auto* was = find(*before, name);
  if (was != nullptr ? was->value == value : before->size() >= kReportedMost) return before;
  auto now = std::make_shared<Parameters>(*before);
  if (was != nullptr) (*now)[static_cast<std::size_t>(was - before->data())].value = value;
  else now->push_back({std::string(name), std::string(value)});
  return now;
}

ReportedParameters shared(ReportedParameters one, const ReportedParameters& same) {
  return one && same && *one == *same ? same : one;
}

void append_changes(pg::wire::ByteBuffer& out, const Parameters& told, const Parameters& now) {
  for (const auto& [name, value] : now) {
    const auto* was = find(told, name);
    if (name != kApplicationName && (was == nullptr || was->value != value))
      append(out, pg::wire::backend::ParameterStatus{name, value});
  }
}

std::string_view value_of(const Parameters& parameters, std::string_view name) {
  const auto* found = find(parameters, name);
  return found != nullptr ? std::string_view(found->value) : std::string_view();
}

sql::LexicalRules lexical_rules_of(const Parameters& parameters) {
  return sql::lexical_rules(value_of(parameters, "standard_conforming_strings"),
                            value_of(parameters, "client_encoding"));
}

}  // namespace pgkeel::gateway
