// See job_failure.hpp.
#include "app/guard/job_failure.hpp"

#include "app/json_read.hpp"

namespace pgkeel::app {

std::string job_failure(const Result<runtime::ProcessOutput>& ran) {
  if (!ran) return ran.error().message();
  for (const auto& text : {ran->out, ran->err}) {
    const auto answer = parse_json(text);
    if (!answer) continue;
    const auto said = text_of(member(*answer, "error"), "message");
    const auto failure = text_of(*answer, "failure");
    if (!said.empty() || !failure.empty()) return said.empty() ? failure : said;
  }
  const auto& words = ran->err.empty() ? ran->out : ran->err;
  return words.empty() ? ran->exit.describe() : words.substr(0, words.find('\n'));
}

}  // namespace pgkeel::app
