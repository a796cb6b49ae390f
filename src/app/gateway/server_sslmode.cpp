// See server_sslmode.hpp.
#include "app/gateway/server_sslmode.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

namespace pgkeel::app {
namespace {

using Named = std::pair<std::string_view, SslMode>;
constexpr auto kModes = std::to_array<Named>({
    {"disable", SslMode::Disable},
    {"prefer", SslMode::Prefer},
    {"require", SslMode::Require},
    {"verify-ca", SslMode::VerifyCa},
    {"verify-full", SslMode::VerifyFull},
});
constexpr std::string_view kSystem = "system";

std::string option(const pg::Conninfo& server, const char* keyword) {
  const auto found = server.options.find(keyword);
  return found == server.options.end() ? std::string() : found->second;
}

bool is_this_host(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

std::string_view to_string(SslMode mode) {
  return std::ranges::find(kModes, mode, &Named::second)->first;
}

std::optional<SslMode> parse_sslmode(std::string_view word) {
  const auto* const found = std::ranges::find(kModes, word, &Named::first);
  return found == kModes.end() ? std::nullopt : std::optional(found->second);
}

// With authorities `require` verifies, for compatibility of libpq with its own past. The system's
// are too many to be believed without a name.
Result<SslMode> sslmode_of(const pg::Conninfo& server, std::string_view host) {
  const auto word = option(server, "sslmode");
  if (option(server, "sslrootcert") == kSystem) {
    if (word.empty() || word == "verify-full") return SslMode::VerifyFull;
    return fail(Error(ErrorCode::ConfigBadValue,
                      fmt::format("instance.url: sslrootcert=system with sslmode {}", word))
                    .with_hint("Anybody has a certificate of the system's authorities: say "
                               "sslmode=verify-full."));
  }
  if (word.empty()) return is_this_host(host) ? SslMode::Disable : SslMode::Prefer;
  if (word == "allow") return SslMode::Prefer;
  const auto mode = parse_sslmode(word);
  if (!mode)
    return fail(Error(ErrorCode::ConfigBadValue,
                      fmt::format("instance.url: there is no sslmode '{}'", word))
                    .with_hint("One of disable, prefer, require, verify-ca, verify-full."));
  std::error_code unknown;
  const bool verifies =
      *mode == SslMode::Require &&
      std::filesystem::exists(authorities_file(server, SslMode::VerifyCa), unknown);
  return verifies || unknown ? SslMode::VerifyCa : *mode;
}

std::filesystem::path authorities_file(const pg::Conninfo& server, SslMode mode) {
  if (mode != SslMode::VerifyCa && mode != SslMode::VerifyFull) return {};
  const auto said = option(server, "sslrootcert");
  if (said == kSystem) return {};
  if (!said.empty()) return said;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home == nullptr ? "/" : home) / ".postgresql" / "root.crt";
}

}  // namespace pgkeel::app
