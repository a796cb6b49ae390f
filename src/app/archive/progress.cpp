// See progress.hpp.
#include "app/archive/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

namespace pgkeel::app {
namespace {

constexpr Millis kQuietFirst{1'000};
constexpr Millis kRedrawEvery{250};
constexpr Seconds kLineEvery{10};  // in a log
constexpr Millis kPublishEvery{500};

}  // namespace

ProgressLine::ProgressLine() : look_(Look::of(STDERR_FILENO, false)) {
  if (const char* file = std::getenv(kProgressVariable)) file_ = file;
}

ProgressLine::~ProgressLine() {
  if (!file_.empty()) ::unlink(file_.c_str());
  if (open_) fmt::print(stderr, "\n");
}

// Of no worth after a crash, so nothing is flushed; renamed, so that it is never read half.
void ProgressLine::publish(const std::string& text, SteadyTime now) {
  if (file_.empty() || now - published_ < kPublishEvery) return;
  published_ = now;
  const auto fresh = file_ + ".new";
  std::ofstream(fresh) << text << '\n';
  static_cast<void>(std::rename(fresh.c_str(), file_.c_str()));
}

void ProgressLine::show(const std::string& text) {
  const auto now = SteadyClock::now();
  publish(text, now);
  const Millis every = look_.terminal ? kRedrawEvery : Millis(kLineEvery);
  if (now - began_ < kQuietFirst || now - shown_ < every) return;
  shown_ = now;
  if (look_.terminal) {
    fmt::print(stderr, "\r\033[K{}", cut(text, static_cast<std::size_t>(look_.width) - 1));
    open_ = true;
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

std::string amount_text(std::uint64_t bytes, std::uint64_t bytes_total, Millis took) {
  if (bytes_total == 0) return format_size(bytes);
  const auto done = static_cast<double>(bytes);
  const auto total = static_cast<double>(std::max(bytes, bytes_total));
  std::string text = fmt::format("{} of {} ({:.0f} %)", format_size(bytes),
                                 format_size(bytes_total), 100.0 * done / total);
  const double seconds = static_cast<double>(took.count()) / 1000.0;
  if (seconds < 1 || bytes == 0) return text;
  const double rate = done / seconds;
  text += fmt::format(", {}/s", format_size(static_cast<std::uint64_t>(rate)));
  if (bytes < bytes_total)
    text += fmt::format(
        ", {} left",
        humane_duration(Millis(static_cast<Millis::rep>(1000.0 * (total - done) / rate))));
  return text;
}

}  // namespace pgkeel::app
