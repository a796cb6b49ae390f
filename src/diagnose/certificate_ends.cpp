// See warning.hpp. The server goes on with a certificate that has ended; clients that check it stop
// connecting from one minute to the next.
#include <fmt/format.h>

#include "diagnose/warning.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr std::chrono::days kSoon{30};
constexpr std::chrono::days kVerySoon{7};

}  // namespace

std::vector<Warning> certificate_ends(const std::string& file, WallTime ends, WallTime now) {
  if (ends - now > kSoon) return {};
  const auto day = to_iso8601(ends).substr(0, 10);
  const auto days = std::chrono::floor<std::chrono::days>(ends - now).count();
  constexpr auto kHint = "Renew the file, then 'select pg_reload_conf()': no restart is needed.";
  if (ends <= now)
    return {{"certificate_ended",
             fmt::format("The server's certificate {} ended on {}: clients that check it cannot "
                         "connect.",
                         file, day),
             kHint}};
  return {{ends - now <= kVerySoon ? "certificate_ends_very_soon" : "certificate_ends_soon",
           fmt::format("The server's certificate {} ends on {}, in {} days.", file, day, days),
           kHint}};
}

}  // namespace pgkeel::diagnose
