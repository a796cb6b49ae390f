// Orders as what a gateway's worker works with, and the worker served until it is told to end.
#pragma once

#include <memory>
#include <stop_token>

#include "app/gateway/orders.hpp"
#include "app/gateway/takeover.hpp"
#include "gateway/credentials/asked_verifiers.hpp"
#include "gateway/relay/worker.hpp"

namespace pgkeel::app {

/// What unknown users are asked to prove: one of a process, as it must not change.
[[nodiscard]] pg::ScramKey fresh_mock_seed();

/// Where the server is now. ConnectionFailed: no address of its name, which is looked up here and
/// may block.
[[nodiscard]] Result<gateway::SocketAddress> server_address(const GatewayOrders& orders);

/// ConfigBadValue: a certificate that is none. ConnectionFailed: as server_address().
[[nodiscard]] Result<std::shared_ptr<const gateway::Settings>> settings_of(
    const GatewayOrders& orders, const pg::ScramKey& seed);

/// Where what clients must prove comes from: the passwords of the orders, or `ask`, which may
/// block. ConfigSyntax: of the passwords.
[[nodiscard]] Result<std::unique_ptr<gateway::VerifierSource>> verifier_source(
    const GatewayOrders& orders, gateway::AskedVerifiers::Ask ask,
    gateway::AskedVerifiers::Post post);

/// What a gateway's lock says of who holds it.
[[nodiscard]] std::string gateway_lock_note();

/// What is served with, besides the settings.
struct GatewayParts {
  gateway::AskedVerifiers::Ask ask;
  /// Something that may post() to the worker, and goes before it does.
  std::function<std::shared_ptr<void>(gateway::Worker&)> beside = {};
  /// After the sockets listen: the last right that only the start needs.
  std::function<Result<void>()> give_up_rights = {};
  /// Of one that is told by a guard: it may be taken over from, and may have taken over itself.
  enum class Takeover : std::uint8_t { No, Yes } takeover = Takeover::No;
  std::optional<runtime::FileLock> lock = {};
  std::optional<Taken> taken = {};
};
/// Listens and serves until `stop`, or until another has taken over and the last client has left; 0
/// then.
[[nodiscard]] Result<int> serve_gateway(const GatewayOrders& orders,
                                        std::shared_ptr<const gateway::Settings> settings,
                                        GatewayParts parts, std::stop_token stop);

}  // namespace pgkeel::app
