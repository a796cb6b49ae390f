// The two forms of an error.
#include "app/report_error.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/look.hpp"

namespace pgkeel::app {

std::string error_json(const Error& error) {
  nlohmann::ordered_json object = {{"code", error.name()},
                                   {"message", error.message()},
                                   {"hint", error.hint()},
                                   {"exit", error.exit_number()}};
  if (!error.sqlstate.empty()) object["sqlstate"] = error.sqlstate;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string error_text(const Error& error) {
  return fmt::format("pgkeel: {}\nHINT: {}\n", printable(error.message()), error.hint());
}

int report_error(const Error& error, ErrorForm form) {
  std::fflush(stdout);
  if (form == ErrorForm::Json) fmt::print("{{\"error\":{}}}\n", error_json(error));
  else fmt::print(stderr, "{}", error_text(error));
  std::fflush(stdout);
  return error.exit_number();
}

}  // namespace pgkeel::app
