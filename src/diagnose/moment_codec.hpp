// Values as JSON and back, by the lists of moment_fields.hpp. What is zero or empty is left out, so
// that a moment is as large as what there was to see; what is absent reads as zero or empty.
// Reading is strict and bounded: numbers beyond what a server has would overflow in a rule.
#pragma once

#include <cmath>
#include <concepts>
#include <filesystem>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "diagnose/moment.hpp"
#include "diagnose/moment_fields.hpp"
#include "diagnose/moment_words.hpp"

namespace pgkeel::diagnose::kept {

using Json = nlohmann::ordered_json;

// Bytes of 256 TB, lists of thousands of them: their sum is still a number.
inline constexpr std::int64_t kNumberMax = std::int64_t{1} << 48;
inline constexpr double kRatioMax = 1e9;
// Of the clocks' own ticks; twice as much is still a time.
inline constexpr std::int64_t kSteadyMax = std::int64_t{1} << 60;
inline constexpr std::int64_t kWallMax = 7'258'118'400'000'000;  // the year 2200
inline constexpr std::int64_t kSecondsMax = 1'000'000'000;

template <class T>
concept Listed = requires { FieldsOf<T>::kFields; };

class Writer {
 public:
  explicit Writer(const Scrub& scrub) : scrub_(scrub) {}

  [[nodiscard]] Json write(bool value) const { return value; }
  [[nodiscard]] Json write(char value) const { return std::string(1, value); }
  template <std::integral Number>
  [[nodiscard]] Json write(Number value) const {
    return value;
  }
  [[nodiscard]] Json write(double value) const { return value; }
  [[nodiscard]] Json write(const std::string& value) const { return scrub_(value); }
  [[nodiscard]] Json write(const std::filesystem::path& value) const {
    return scrub_(value.string());
  }
  template <class Rep, class Period>
  [[nodiscard]] Json write(std::chrono::duration<Rep, Period> value) const {
    return value.count();
  }
  template <class Clock, class Duration>
  [[nodiscard]] Json write(std::chrono::time_point<Clock, Duration> value) const {
    return value.time_since_epoch().count();
  }
  template <class Tag, class Number>
  [[nodiscard]] Json write(Strong<Tag, Number> value) const {
    return value.value;
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  [[nodiscard]] Json write(Enum value) const {
    return std::ranges::find(words<Enum>(), value, &std::pair<Enum, std::string_view>::first)
        ->second;
  }
  template <class Value>
  [[nodiscard]] Json write(const std::optional<Value>& value) const {
    return value ? write(*value) : Json(nullptr);
  }
  template <class First, class Second>
  [[nodiscard]] Json write(const std::pair<First, Second>& value) const {
    Json json = Json::array();
    json.push_back(write(value.first));
    json.push_back(write(value.second));
    return json;
  }
  template <std::ranges::range List>
    requires(!std::same_as<List, std::string> && !std::same_as<List, std::filesystem::path>)
  [[nodiscard]] Json write(const List& list) const {
    Json json = Json::array();
    for (const auto& item : list) json.push_back(write(item));
    return json;
  }
  template <Listed Struct>
  [[nodiscard]] Json write(const Struct& value) const {
    Json json = Json::object();
    const auto add = [&](const auto& field) {
      if (!is_nothing(value.*field.member)) json[field.name] = write(value.*field.member);
    };
    std::apply([&](const auto&... field) { (add(field), ...); }, FieldsOf<Struct>::kFields);
    return json;
  }

 private:
  // An enumeration's first word may change places: it is always said.
  template <class Value>
  static bool is_nothing(const Value& value) {
    if constexpr (std::is_enum_v<Value> || std::same_as<Value, char>) return false;
    if constexpr (Listed<Value>) return false;
    else if constexpr (requires { value.has_value(); }) return !value.has_value();
    else if constexpr (requires { value.empty(); }) return value.empty();
    else return value == Value{};
  }

  const Scrub& scrub_;
};

/// Reads into values; on the first that does not fit, says where.
class Reader {
 public:
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

  bool read(const Json& json, bool& value) {
    if (!json.is_boolean()) return false;
    value = json.get<bool>();
    return true;
  }
  bool read(const Json& json, char& value) {
    const auto* text = json.get_ptr<const std::string*>();
    if (text == nullptr || text->size() != 1) return false;
    value = text->front();
    return true;
  }
  template <std::unsigned_integral Number>
  bool read(const Json& json, Number& value) {
    return whole(json, value);
  }
  template <std::signed_integral Number>
  bool read(const Json& json, Number& value) {
    // Halves of an int: a difference of two fits in it again.
    constexpr auto kMax =
        std::min<std::int64_t>(kNumberMax, std::numeric_limits<Number>::max() / 2);
    return whole(json, value) && value <= kMax && value >= -kMax;
  }
  bool read(const Json& json, double& value) {
    if (!json.is_number()) return false;
    value = json.get<double>();
    return std::abs(value) <= kRatioMax;
  }
  bool read(const Json& json, std::string& value) {
    const auto* text = json.get_ptr<const std::string*>();
    if (text != nullptr) value = *text;
    return text != nullptr;
  }
  bool read(const Json& json, std::filesystem::path& value) {
    const auto* text = json.get_ptr<const std::string*>();
    if (text != nullptr) value = *text;
    return text != nullptr;
  }
  template <class Rep, class Period>
  bool read(const Json& json, std::chrono::duration<Rep, Period>& value) {
    return ticks(json, kSecondsMax * Period::den, value);
  }
  bool read(const Json& json, SteadyTime& value) {
    SteadyTime::duration since{};
    if (!ticks(json, kSteadyMax, since)) return false;
    value = SteadyTime(since);
    return true;
  }
  bool read(const Json& json, WallTime& value) {
    WallTime::duration since{};
    if (!ticks(json, kWallMax, since) || since.count() < 0) return false;
    value = WallTime(since);
    return true;
  }
  template <class Tag, class Number>
  bool read(const Json& json, Strong<Tag, Number>& value) {
    return whole(json, value.value);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  bool read(const Json& json, Enum& value) {
    const auto* text = json.get_ptr<const std::string*>();
    if (text == nullptr) return false;
    const auto& all = words<Enum>();
    const auto found = std::ranges::find(all, *text, &std::pair<Enum, std::string_view>::second);
    if (found == all.end()) return false;
    value = found->first;
    return true;
  }
  template <class Value>
  bool read(const Json& json, std::optional<Value>& value) {
    return read(json, value.emplace());
  }
  template <class First, class Second>
  bool read(const Json& json, std::pair<First, Second>& value) {
    return json.is_array() && json.size() == 2 && read(json[0], value.first) &&
           read(json[1], value.second);
  }
  template <class Value>
  bool read(const Json& json, std::vector<Value>& list) {
    return each(json, [&](const Json& item) { return read(item, list.emplace_back()); });
  }
  template <class Value>
  bool read(const Json& json, std::set<Value>& list) {
    return each(json, [&](const Json& item) {
      Value value{};
      return read(item, value) && list.insert(std::move(value)).second;
    });
  }
  template <class Key, class Value>
  bool read(const Json& json, std::map<Key, Value>& list) {
    return each(json, [&](const Json& item) {
      std::pair<Key, Value> pair;
      return read(item, pair) && list.insert(std::move(pair)).second;
    });
  }
  template <Listed Struct>
  bool read(const Json& json, Struct& value) {
    if (!json.is_object()) return false;
    std::size_t known = 0;
    const auto take = [&](const auto& field) {
      auto& member = value.*field.member;
      member = std::remove_cvref_t<decltype(member)>{};
      const auto found = json.find(field.name);
      if (found == json.end()) return true;
      ++known;
      return read(*found, member) || is_wrong(field.name);
    };
    const bool fits = std::apply([&](const auto&... field) { return (take(field) && ...); },
                                 FieldsOf<Struct>::kFields);
    return fits && (known == json.size() || is_wrong("a member nobody knows"));
  }

 private:
  template <class Number>
  static bool whole(const Json& json, Number& value) {
    if (!json.is_number_integer()) return false;
    const bool fits = json.is_number_unsigned() ? std::in_range<Number>(json.get<std::uint64_t>())
                                                : std::in_range<Number>(json.get<std::int64_t>());
    if (fits) value = json.get<Number>();
    return fits;
  }
  template <class Duration>
  static bool ticks(const Json& json, std::int64_t most, Duration& value) {
    std::int64_t count = 0;
    if (!whole(json, count) || count > most || count < -most) return false;
    value = Duration(count);
    return true;
  }
  template <class Take>
  static bool each(const Json& json, Take take) {
    return json.is_array() && std::ranges::all_of(json, take);
  }
  // The innermost is said first.
  bool is_wrong(std::string_view name) {
    wrong_ = wrong_.empty() ? std::string(name) : fmt::format("{}.{}", name, wrong_);
    return false;
  }

  std::string wrong_;
};

}  // namespace pgkeel::diagnose::kept
