// All that one round of diagnosis saw and knew, as plain values, and its form as JSON, in which it
// is kept with an incident: whoever reads it back gets the same findings, on any machine, years
// later, or other ones where the rules have changed since.
// Guarantee: what is written reads back equal, but for what is masked. Reading is strict: a member
// it does not know, a value of another type or beyond what a real server has is Malformed.
// It refuses to keep: values of a container's variables that are not plainly harmless, its labels
// but for those that are the engine's own, and whatever `scrub` takes out of any text.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

struct Moment {
  sense::Observation seen;
  Known known;
  SteadyTime now;
  WallTime wall;
  [[nodiscard]] Case as_case() const { return {seen, known, now, wall}; }
};

using Scrub = std::function<std::string(std::string)>;

/// Grows with the form: a form of another number is not read.
inline constexpr int kMomentForm = 1;

[[nodiscard]] nlohmann::ordered_json moment_to_json(const Moment& moment, const Scrub& scrub);
[[nodiscard]] Result<Moment> moment_from_json(const nlohmann::ordered_json& json);
[[nodiscard]] Result<Moment> parse_moment(std::string_view text);

/// Leaves out the tables that are known and there, of which no rule has anything to say; for a
/// database with so many that the whole would be too large to keep. Sentences that count tables
/// count fewer of them then.
void thin_out(Moment& moment);

/// Variables of a container whose values tell what a server is, and nothing secret.
[[nodiscard]] bool is_plain_variable(std::string_view name);

}  // namespace pgkeel::diagnose
