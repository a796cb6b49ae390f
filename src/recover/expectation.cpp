// See expectation.hpp.
#include "recover/expectation.hpp"

#include <array>
#include <charconv>
#include <compare>

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

constexpr std::size_t kShownBytesMax = 80;

constexpr std::string_view kOperatorLetters = "<>=!";  // "=> 5" is a slip of the pen

// Longer ones first, so that ">=" is not taken for ">".
struct Operator {
  std::string_view written;
  std::string_view means;
};
constexpr auto kOperators = std::to_array<Operator>({{">=", ">="},
                                                     {"<=", "<="},
                                                     {"<>", "<>"},
                                                     {"!=", "<>"},
                                                     {"==", "="},
                                                     {">", ">"},
                                                     {"<", "<"},
                                                     {"=", "="}});

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

// Whole numbers exactly, others as double; nothing when either is no number.
std::optional<std::partial_ordering> order(std::string_view left, std::string_view right) {
  const auto whole_left = number_in<std::int64_t>(left);
  const auto whole_right = number_in<std::int64_t>(right);
  if (whole_left && whole_right) return *whole_left <=> *whole_right;
  const auto real_left = number_in<double>(left);
  const auto real_right = number_in<double>(right);
  if (real_left && real_right) return *real_left <=> *real_right;
  return std::nullopt;
}

bool is_truth(std::string_view text) { return text == "true" || text == "false"; }

// Booleans come from the server as t and f.
std::string_view unified(std::string_view value, const Expectation& expectation) {
  if (!is_truth(expectation.operand)) return value;
  return value == "t" ? "true" : value == "f" ? "false" : value;
}

bool holds(const Expectation& expectation, std::string_view value) {
  const auto op = expectation.op;
  const auto ordered = order(value, expectation.operand);
  if (!ordered)
    return (op == "=" && value == expectation.operand) ||
           (op == "<>" && value != expectation.operand);
  if (op == "=") return std::is_eq(*ordered);
  if (op == "<>") return std::is_neq(*ordered);
  if (op == "<") return std::is_lt(*ordered);
  if (op == "<=") return std::is_lteq(*ordered);
  if (op == ">") return std::is_gt(*ordered);
  return std::is_gteq(*ordered);
}

bool orders(std::string_view op) { return op != "=" && op != "<>"; }

std::unexpected<Error> not_understood(std::string_view text) {
  return fail(Error(ErrorCode::ConfigBadValue, fmt::format("'{}' is no expectation", text))
                  .with_hint("Write a comparison such as > 0 or = 5, or: true, false, empty, "
                             "not empty."));
}

}  // namespace

Result<Expectation> parse_expectation(std::string_view text) {
  const auto asked = trimmed(text);
  if (asked == "not empty") return Expectation{Expectation::Kind::NotEmpty};
  if (asked == "empty") return Expectation{Expectation::Kind::Empty};
  if (is_truth(asked)) return Expectation{Expectation::Kind::Compare, "=", std::string(asked)};
  for (const auto& op : kOperators) {
    if (!asked.starts_with(op.written)) continue;
    const auto rest = asked.substr(op.written.size());
    if (!rest.empty() && kOperatorLetters.contains(rest.front())) return not_understood(text);
    const auto operand = trimmed(rest);
    const bool number = number_in<double>(operand).has_value();
    if (operand.empty() || (orders(op.means) && !number)) return not_understood(text);
    return Expectation{Expectation::Kind::Compare, op.means, std::string(operand)};
  }
  return not_understood(text);
}

std::optional<std::string> objection(const Expectation& expectation, const Answer& answer) {
  switch (expectation.kind) {
    case Expectation::Kind::Empty:
      return answer.any_row ? std::optional<std::string>("has rows") : std::nullopt;
    case Expectation::Kind::NotEmpty:
      return answer.any_row ? std::nullopt : std::optional<std::string>("has no row");
    case Expectation::Kind::Compare: break;
  }
  if (!answer.any_row) return "has no row";
  if (!answer.value) return "is NULL";
  const auto value = unified(*answer.value, expectation);
  if (holds(expectation, value)) return std::nullopt;
  return fmt::format("is {}", value.substr(0, kShownBytesMax));
}

}  // namespace pgkeel::recover
