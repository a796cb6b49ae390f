// Keeps a gateway running beside the guard (companion.hpp) and is its other end: what it is to do,
// and who a client is, are asked over a Unix socket, and told to nobody but the gateway. It
// guarantees: the gateway gets no configuration, no data directory and no right of ours; one that
// outlived another guard is adopted when it asks; orders that cannot be made leave the last ones
// in force.
#pragma once

#include <memory>

#include "app/config.hpp"
#include "app/gateway/verifier_asker.hpp"
#include "app/guard/companion.hpp"
#include "runtime/http.hpp"
#include "sense/senses.hpp"
#include "serve/status.hpp"

namespace pgkeel::app {

class GatewayKeeper {
 public:
  GatewayKeeper(const Config& config, runtime::Loop& loop, const sense::Senses& senses,
                std::optional<runtime::Account> connect_as);

  /// Runs for as long as the loop. Where nobody is to connect, or only advice is given, it starts
  /// none, and one that runs is told to end.
  runtime::Task<void> run();
  [[nodiscard]] bool running() const { return process_.running(); }
  /// For status; nothing where there is to be none.
  [[nodiscard]] std::optional<serve::Gateway> status() const;

 private:
  [[nodiscard]] Result<void> open();
  [[nodiscard]] bool wanted() const;
  void note(const Result<void>& done);
  void renew();
  [[nodiscard]] bool one_of_ours(const runtime::HttpRequest& request);
  runtime::Task<void> make_orders();
  static runtime::Task<runtime::HttpResponse> refused(int status, std::string_view why);
  runtime::Task<runtime::HttpResponse> answer(runtime::HttpRequest request);
  runtime::Task<runtime::HttpResponse> answer_orders(runtime::HttpRequest request);
  runtime::Task<runtime::HttpResponse> answer_verifier(runtime::HttpRequest request);
  runtime::Task<runtime::HttpResponse> take_figures(runtime::HttpRequest request);

  const Config& config_;
  runtime::Loop& loop_;
  const sense::Senses& senses_;
  std::optional<runtime::Account> connect_as_;
  VerifierAsker asker_;
  Companion process_;
  runtime::Event changed_;
  std::string orders_;   ///< JSON, with secrets; empty: not made yet
  std::string digest_;   ///< of them
  std::string trouble_;  ///< why they could not be made, as it was logged last
  std::optional<serve::GatewayFigures> figures_;
  SteadyTime figures_at_{};
  SteadyTime begun_;
  std::unique_ptr<runtime::HttpServer> server_;
};

}  // namespace pgkeel::app
