// What a server reports of its session (ParameterStatus), and what a client was told of it: one
// list for all who were told the same, so that they are compared by a pointer.
// It guarantees: a client that comes to another server is told what differs there and nothing else.
// application_name is left out: it is set to the client's own before anything is asked.
#pragma once

#include <memory>

#include "gateway/session/login_steps.hpp"
#include "gateway/sql/lexer.hpp"
#include "pg/wire/writer.hpp"

namespace pgkeel::gateway {

/// Names as the server writes them ("TimeZone"); null before a login.
using ReportedParameters = std::shared_ptr<const Parameters>;

/// The same with `value` for `name`; `before` itself where nothing changes.
[[nodiscard]] ReportedParameters changed(const ReportedParameters& before, std::string_view name,
                                         std::string_view value);
/// `same` where it says the same, so that it may be kept once.
[[nodiscard]] ReportedParameters shared(ReportedParameters one, const ReportedParameters& same);
/// A ParameterStatus for each of `now` that `told` has not, or has otherwise.
void append_changes(pg::wire::ByteBuffer& out, const Parameters& told, const Parameters& now);
/// "" where it was not reported.
[[nodiscard]] std::string_view value_of(const Parameters& parameters, std::string_view name);
/// How texts of a client that was told this are to be read.
[[nodiscard]] sql::LexicalRules lexical_rules_of(const Parameters& parameters);

}  // namespace pgkeel::gateway
