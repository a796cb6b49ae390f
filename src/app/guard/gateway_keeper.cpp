// See gateway_keeper.hpp.
#include "app/guard/gateway_keeper.hpp"

#include <fmt/format.h>

#include "app/gateway/figures.hpp"
#include "app/gateway/guard_link.hpp"
#include "app/gateway/orders.hpp"
#include "app/gateway/takeover_message.hpp"
#include "app/json_read.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using runtime::Task;

constexpr Millis kLookEvery{1'000};
// One that another guard started asks again as soon as it sees the socket.
constexpr Millis kAdoptWithin{2'000};
// Of its figures, which come every two seconds.
constexpr Millis kSilentMost = 4 * kFiguresEvery;
constexpr Millis kStartsWithin{15'000};
constexpr const char* kDirectory = "gateway";
constexpr const char* kSocket = "guard.sock";
// Nobody else comes that far: the state directory is ours alone.
constexpr unsigned kSocketMode = 0666;
constexpr int kGone = 410;
constexpr int kForbidden = 403;

std::filesystem::path directory_of(const Config& config) { return config.state_dir / kDirectory; }

CompanionSpec gateway_of(const Config& config) {
  return {.word = "gateway",
          .words = {"--told-by", kSocket},
          .name = "the gateway",
          .lock_file = config.state_dir / kGatewayLockFile,
          .log_file = config.state_dir / kGatewayLogFile,
          .working_dir = directory_of(config),
          .environment = CompanionSpec::Environment::Bare};
}

HttpResponse refusal(int status, std::string_view why) {
  return {status, "application/json", {}, to_line(Json{{"error", why}})};
}

HttpResponse answered(std::string json) { return {200, "application/json", {}, std::move(json)}; }

std::string parameter(const HttpRequest& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

}  // namespace

GatewayKeeper::GatewayKeeper(const Config& config, runtime::Loop& loop, const sense::Senses& senses,
                             std::optional<runtime::Account> connect_as)
    : config_(config),
      loop_(loop),
      senses_(senses),
      connect_as_(std::move(connect_as)),
      asker_(loop),
      process_(config, loop, gateway_of(config)),
      changed_(loop),
      begun_(loop.now()) {}

bool GatewayKeeper::wanted() const {
  return config_.gateway.listen.has_value() && config_.mode == Mode::Act;
}

// The directory stays ours: whoever the gateway is may pass it and change nothing in it.
Result<void> GatewayKeeper::open() {
  const auto directory = directory_of(config_);
  TRY_VOID(runtime::ensure_directory(directory, {.mode = 0711, .owner = {}}));
  auto server = std::make_unique<runtime::HttpServer>(
      loop_, [this](HttpRequest request) { return answer(std::move(request)); });
  TRY_VOID(server->listen_unix(directory / kSocket, kSocketMode));
  server_ = std::move(server);
  return {};
}

Task<void> GatewayKeeper::run() {
  if (!wanted()) {
    std::error_code error;  // one that still runs asks, and is told to end
    if (std::filesystem::exists(directory_of(config_), error)) note(open());
    co_return;
  }
  const auto adopt_until = loop_.after(kAdoptWithin);
  while (true) {
    if (!server_) note(open());
    if (server_) co_await make_orders();
    if (!running()) co_await process_.bury();
    co_await process_.bury_former();
    if (!running() && loop_.now() >= adopt_until && !orders_.empty()) process_.start_when_due();
    else if (running() && process_.other_program()) renew();
    static_cast<void>(co_await loop_.sleep_in_step(kLookEvery));
  }
}

// One of a version that lets nobody take over is ended, which its clients see.
void GatewayKeeper::renew() {
  constexpr std::string_view kWhy = "another program";
  std::error_code error;
  if (std::filesystem::exists(directory_of(config_) / takeover_socket(process_.pid()), error))
    process_.succeed(kWhy);
  else process_.replace(kWhy);
}

// Logged when it is another than before.
void GatewayKeeper::note(const Result<void>& done) {
  const auto trouble = done ? std::string() : done.error().message();
  if (trouble != trouble_ && !trouble.empty())
    log_error("the gateway cannot be told what to do; its last orders stand", {{"why", trouble}});
  trouble_ = trouble;
}

// Its files may lie where reading takes long.
Task<void> GatewayKeeper::make_orders() {
  const auto made = co_await loop_.run_blocking(
      [&config = config_, server = senses_.conninfo()] { return orders_of(config, server); });
  note(made ? Result<void>() : fail(made.error()));
  if (!made) co_return;
  auto text = to_json(*made);
  if (text == orders_) co_return;
  orders_ = std::move(text);
  digest_ = digest_of(orders_);
  changed_.notify_all();
}

// One that was not heard of yet may be on its way.
std::optional<serve::Gateway> GatewayKeeper::status() const {
  if (!wanted()) return std::nullopt;
  serve::Gateway gateway;
  const auto& listen = *config_.gateway.listen;
  gateway.listen = fmt::format("{}:{}", listen.host, listen.port);
  if (figures_ && loop_.now() - figures_at_ < kSilentMost) {
    gateway.ok = true;
    gateway.figures = figures_;
    gateway.note = in_words(*figures_);
    return gateway;
  }
  gateway.ok = loop_.now() - begun_ < kStartsWithin;
  gateway.note = !trouble_.empty() ? trouble_
                 : gateway.ok      ? "starting"
                 : running()       ? "does not answer; gateway.log in the state directory says more"
                                   : "not running; gateway.log in the state directory says more";
  return gateway;
}

// Everything here is a secret: to the gateway itself, as the kernel says who asks.
Task<HttpResponse> GatewayKeeper::answer(HttpRequest request) {
  if (!wanted()) return refused(kGone, "there is to be no gateway");
  if (!one_of_ours(request)) return refused(kForbidden, "only the gateway is answered");
  if (request.path == kOrdersPath) return answer_orders(std::move(request));
  if (request.path == kFiguresPath) return take_figures(std::move(request));
  return answer_verifier(std::move(request));
}

// One that serves whom it has until they leave says so itself: a guard that was not there when
// another took over from it would take it for the one that runs.
bool GatewayKeeper::one_of_ours(const HttpRequest& request) {
  if (request.peer_pid <= 0) return false;
  if (parameter(request, kLeavingParameter) == "yes") process_.let_go(request.peer_pid);
  else if (!running()) process_.adopt(request.peer_pid);
  return (running() && request.peer_pid == process_.pid()) || process_.is_former(request.peer_pid);
}

Task<HttpResponse> GatewayKeeper::refused(int status, std::string_view why) {
  co_return refusal(status, why);
}

// Whoever has the present ones is answered when there are others.
Task<HttpResponse> GatewayKeeper::answer_orders(HttpRequest request) {
  const auto known = parameter(request, "known");
  const auto until = loop_.after(kOrdersPatience);
  while (orders_.empty() || digest_ == known) {
    const auto told = co_await changed_.wait_until(until);
    if (!told) co_return HttpResponse{204, {}, {}, {}};
  }
  co_return answered(orders_);
}

Task<HttpResponse> GatewayKeeper::take_figures(HttpRequest request) {
  auto figures = parse_figures(request.body);
  if (!figures) co_return refusal(400, figures.error().message());
  if (request.peer_pid == process_.pid()) process_.settled();
  figures_ = *figures;
  figures_at_ = loop_.now();
  co_return HttpResponse{204, {}, {}, {}};
}

Task<HttpResponse> GatewayKeeper::answer_verifier(HttpRequest request) {
  if (request.path != kVerifierPath) co_return refusal(404, "nothing is served there");
  const auto stored =
      co_await asker_.ask({senses_.conninfo(), connect_as_}, parameter(request, "user"));
  if (!stored) co_return refusal(503, stored.error().message());
  co_return answered(to_line(Json{{"verifier", *stored ? Json(**stored) : Json(nullptr)}}));
}

}  // namespace pgkeel::app
