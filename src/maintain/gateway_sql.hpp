// What the gateway asks a database for: the verifier of a role that logs in. A function in the
// schema of `pgkeel protect`, of the superuser who installs it, which one role may call that is
// made for it and can do nothing else. It guarantees: nobody else calls it; whatever search_path
// its caller has, it runs in pg_catalog's (CVE-2025-12819); verifiers of superusers, of who can
// become one and of roles that replicate stay where they are, unless that was said: who gets into
// the gateway must not get the server with it.
#pragma once

#include <string>
#include <string_view>

namespace pgkeel::maintain {

/// Logs in, and nothing else; without a password until somebody sets one (\password).
inline constexpr std::string_view kGatewayRole = "pgkeel_gateway";

/// pgkeel.gateway_verifier(text): of a role that is there one row, its verifier (null: it has none,
/// or one that is not handed out), until when it is valid (seconds since the epoch, null: for ever)
/// and whether it may log in. A time that is over is told, not hidden: the caller asks a clock.
[[nodiscard]] std::string_view gateway_function();
/// "gateway_verifier(text)".
inline constexpr std::string_view kGatewaySignature = "gateway_verifier(text)";

/// Around an installation that replaces the function, in its transaction: what had been granted by
/// a superuser's function in a superuser's schema is granted again.
[[nodiscard]] std::string_view remember_gateway();
[[nodiscard]] std::string_view restore_gateway();

/// Whose verifiers are handed out.
enum class GatewayRoles : std::uint8_t { Ordinary, All };

/// One transaction: makes the role where it is missing, and lets it call the function. Fails where
/// the role is there and may do more than log in.
[[nodiscard]] std::string grant_gateway_statements(GatewayRoles roles);
/// One transaction; the role stays, as other databases may know it.
[[nodiscard]] std::string revoke_gateway_statements();

}  // namespace pgkeel::maintain
