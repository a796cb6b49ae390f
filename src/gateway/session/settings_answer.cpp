// See settings_answer.hpp.
#include "gateway/session/settings_answer.hpp"

#include <algorithm>

#include "gateway/session/login_steps.hpp"
#include "gateway/sql/byte_class.hpp"
#include "gateway/sql/lexer.hpp"
#include "pg/wire/backend_messages.hpp"

namespace pgkeel::gateway {
namespace {

constexpr std::string_view kEncoding = "client_encoding";

std::optional<std::string> text_of(const pg::wire::Value& value) {
  if (!value) return std::nullopt;
  return std::string(*value);
}

Result<void> check_carried(const SettingsSet& set) {
  const auto cannot = [](std::string_view what) {
    return fail(ErrorCode::NotSupported, std::string(what));
  };
  if (set.find("standard_conforming_strings") != nullptr)
    return cannot("standard_conforming_strings is not carried");
  const auto* encoding = set.find(kEncoding);
  if (encoding == nullptr) return {};
  if (sql::lexical_rules("on", *encoding).encoding == sql::Encoding::MayHideAscii)
    return cannot("client_encoding " + *encoding + " is not carried");
  for (const auto& setting : set.items())
    if (std::ranges::any_of(setting.value, sql::is_high))
      return cannot("a value beyond ASCII in an encoding of the session's own");
  return {};
}

}  // namespace

void SettingsAnswer::add(const pg::wire::Message& row) {
  const auto decoded = pg::wire::backend::DataRow::decode(row.body);
  std::vector<std::optional<std::string>> values;
  if (decoded)
    for (const auto& value : decoded->values) values.push_back(text_of(value));
  if (values.size() != 2 || !values[0] || rows_.size() >= kRowsMost) malformed_ = true;
  else rows_.push_back({std::move(*values[0]), std::move(values[1])});
}

Result<SettingsAnswer::Read> SettingsAnswer::finish(SettingsTable& table,
                                                    const SettingsSet& others) {
  if (malformed_) return fail(ErrorCode::Malformed, "no answer to what settings a session has");
  Read read;
  std::vector<ObservedSetting> observed;
  for (auto& row : rows_)
    if (row.name == kApplicationName) read.application = std::move(row.value);
    else observed.push_back({row.name, row.value});
  TRY(seen, table.observed(observed));
  TRY(settings, table.merge(others, seen));
  TRY_VOID(check_carried(settings));
  read.settings = std::move(settings);
  return read;
}

}  // namespace pgkeel::gateway
