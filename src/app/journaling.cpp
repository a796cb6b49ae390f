// See journaling.hpp.
#include "app/journaling.hpp"

#include <fmt/format.h>

#include "app/api_client.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kDetailMax = 200;  // the API takes no more

// An error's text may hold line ends, which the API refuses.
std::string one_line(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = ' ';
  if (text.size() > kDetailMax) text.resize(kDetailMax);
  return text;
}

}  // namespace

void Journaling::note(const std::string& subject, std::string detail) {
  const auto answer =
      GuardClient(config_).post("/api/v1/note", {{"what", what_},
                                                 {"subject", one_line(subject)},
                                                 {"detail", one_line(std::move(detail))},
                                                 {"who", one_line(who_asks())}});
  if (answer || told_) return;
  told_ = true;
  fmt::print(stderr, "pgkeel: {}; the change is in nobody's journal\n", answer.error().message());
}

void Journaling::begin(const std::string& subject) { note(subject, "begun"); }

void Journaling::end(const std::string& subject, const Error* failure) {
  note(subject, failure == nullptr ? "done" : "failed: " + failure->message());
}

}  // namespace pgkeel::app
