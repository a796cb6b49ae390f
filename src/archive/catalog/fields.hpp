// Fields of the store's JSON records, read strictly: a number that is none, or does not fit, and a
// text that is none are exceptions (std::invalid_argument), caught where the record is parsed.
// Private to the room.
#pragma once

#include <limits>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive::fields {

/// A whole number that is at least zero and fits into Number.
template <class Number>
Number number(const nlohmann::json& from, const char* name) {
  const auto& value = from.at(name);
  if (!value.is_number_unsigned() && !(value.is_number_integer() && value.get<std::int64_t>() >= 0))
    throw std::invalid_argument(std::string(name) + " is no whole number");
  const auto whole = value.get<std::uint64_t>();
  if (whole > static_cast<std::uint64_t>(std::numeric_limits<Number>::max()))
    throw std::invalid_argument(std::string(name) + " is too large");
  return static_cast<Number>(whole);
}

inline std::string text(const nlohmann::json& from, const char* name) {
  return from.at(name).get<std::string>();
}

inline bool flag(const nlohmann::json& from, const char* name) { return from.at(name).get<bool>(); }

template <class T>
T required(const Result<T>& value, const char* name) {
  if (!value) throw std::invalid_argument(std::string(name) + " cannot be read");
  return *value;
}

inline WallTime time(const nlohmann::json& from, const char* name) {
  return required(parse_iso8601(text(from, name)), name);
}
inline Lsn lsn(const nlohmann::json& from, const char* name) {
  return required(parse_lsn(text(from, name)), name);
}
inline SystemId system_id(const nlohmann::json& from, const char* name) {
  return required(parse_system_id(text(from, name)), name);
}
inline TimelineId timeline(const nlohmann::json& from, const char* name) {
  return TimelineId(number<std::uint32_t>(from, name));
}
inline Millis millis(const nlohmann::json& from, const char* name) {
  return Millis(number<Millis::rep>(from, name));
}

}  // namespace pgkeel::archive::fields
