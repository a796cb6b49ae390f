// What a kept moment of an incident (diagnose/moment.hpp) says once more: written with the evidence
// when a cause is named, and diagnosed again by today's rules when somebody asks. Pure.
#pragma once

#include <string>
#include <string_view>

#include "app/json_read.hpp"
#include "app/look.hpp"
#include "diagnose/moment.hpp"

namespace pgkeel::app {

/// An incident's first cause and what it was refined to; the first and the last ones stay.
inline constexpr std::size_t kMomentsKept = 4;
/// Of one; beyond it the tables nobody misses are left out, then the moment.
inline constexpr std::size_t kMomentBytesMax = 96U << 10U;

/// {"at":...,"cause":...,"subject":...,"ranking":[{"cause","subject","confidence"}],"moment":{...}};
/// without a moment, and with "why", when it is too large.
[[nodiscard]] Json kept_moment(diagnose::Moment moment, std::string_view cause,
                               std::string_view subject, const diagnose::Scrub& scrub);
/// Adds it to the evidence's "moments", which stay kMomentsKept.
void add_moment(Json& evidence, Json kept);

/// {"incident":...,"agrees":bool,"moments":[{"at","cause","subject","agrees","differs":[...],
/// "ranking":[{"cause","subject","confidence","summary","evidence":[...]}]}]} of the evidence kept.
/// NotFound when no moment was, Malformed when one does not read.
[[nodiscard]] Result<Json> replay(const Json& evidence);
[[nodiscard]] std::string render_replay(const Json& replayed, const Look& look);

}  // namespace pgkeel::app
