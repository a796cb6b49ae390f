// See guard_link.hpp.
#include "app/gateway/guard_link.hpp"

#include <fmt/format.h>

#include "app/json_read.hpp"
#include "base/log.hpp"
#include "runtime/http.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kAnswerWithin{10'000};
constexpr Millis kAgainAfter{200};  // a guard that restarts is there again in a second or two
constexpr int kOk = 200;
constexpr int kNothingNew = 204;
constexpr int kGone = 410;  // there is to be no gateway

runtime::Task<Result<runtime::HttpResponse>> get(runtime::Loop* loop, std::filesystem::path socket,
                                                 std::string_view path,
                                                 std::map<std::string, std::string> query,
                                                 Millis patience) {
  runtime::HttpRequest request;
  request.path = path;
  request.query = std::move(query);
  return runtime::http_request(*loop, {std::move(socket), {}, 0}, std::move(request),
                               loop->after(patience));
}

runtime::Task<Result<GatewayOrders>> await_first(runtime::Loop* loop, std::filesystem::path socket,
                                                 std::optional<Millis> patience,
                                                 std::stop_token stop) {
  const auto until = patience ? loop->after(*patience) : SteadyTime::max();
  while (true) {
    const auto answer = co_await get(loop, socket, kOrdersPath, {}, kAnswerWithin);
    if (answer && answer->status == kOk) co_return parse_orders(answer->body);
    if (loop->now() >= until) co_return fail(ErrorCode::TimedOut, "the guard has no orders for us");
    const auto slept = co_await loop->sleep_for(kAgainAfter, stop);
    if (!slept) co_return fail(slept.error());
  }
}

gateway::StoredVerifier verifier_of(const Result<runtime::HttpResponse>& answer) {
  if (!answer) return fail(answer.error());
  TRY(read, parse_json(answer->body));
  if (answer->status != kOk) return fail(ErrorCode::ConnectionFailed, text_of(read, "error"));
  const auto& verifier = member(read, "verifier");
  if (!verifier.is_string()) return std::nullopt;
  auto stored = gateway::parse_stored_password(verifier.get<std::string>());
  if (!stored) return std::nullopt;
  return std::move(*stored);
}

runtime::Task<void> follow(runtime::Loop* loop, std::filesystem::path socket, std::string known,
                           const GuardLink::Gateway* gateway) {
  bool away = false;
  while (true) {
    const auto answer =
        co_await get(loop, socket, kOrdersPath,
                     {{"known", known}, {kLeavingParameter, gateway->leaving() ? "yes" : "no"}},
                     kOrdersPatience + kAnswerWithin);
    const bool there = answer && (answer->status == kOk || answer->status == kNothingNew);
    if (away == there) {
      away = !there;
      log_info(there ? "the guard is there" : "the guard is away; its last word stands");
    }
    if (there && answer->status == kOk) {
      auto orders = parse_orders(answer->body);
      if (orders) gateway->changed(*orders);
      else log_error("the guard's orders are not understood", {{"why", orders.error().message()}});
      known = digest_of(answer->body);
    }
    if (answer && answer->status == kGone) gateway->ended();
    if (!there) static_cast<void>(co_await loop->sleep_for(kAgainAfter));
  }
}

// What was said since the last time; who does not answer is not told twice.
runtime::Task<void> report(runtime::Loop* loop, std::filesystem::path socket,
                           const GuardLink::Gateway* gateway) {
  const auto said = std::make_shared<Said>();
  while (true) {
    gateway->look_again();
    if (!gateway->leaving()) gateway->ask_figures(said);
    static_cast<void>(co_await loop->sleep_for(kFiguresEvery));
    runtime::HttpRequest request;
    request.method = "POST";
    request.path = kFiguresPath;
    request.body = said->take();
    if (request.body.empty()) continue;
    static_cast<void>(co_await runtime::http_request(*loop, {socket, {}, 0}, std::move(request),
                                                     loop->after(kAnswerWithin)));
  }
}

}  // namespace

Result<GatewayOrders> first_orders(const std::filesystem::path& socket,
                                   std::optional<Millis> patience, std::stop_token stop) {
  runtime::Loop loop;
  return loop.run_until_complete(await_first(&loop, socket, patience, std::move(stop)));
}

gateway::AskedVerifiers::Ask ask_guard(std::filesystem::path socket) {
  return [loop = std::make_shared<runtime::Loop>(),
          socket = std::move(socket)](const std::string& user) {
    return verifier_of(loop->run_until_complete(
        get(loop.get(), socket, kVerifierPath, {{"user", user}}, kAnswerWithin)));
  };
}

GuardLink::GuardLink(std::filesystem::path socket, const GatewayOrders& present, Gateway gateway) {
  thread_ = std::jthread([socket = std::move(socket), known = digest_of(to_json(present)),
                          gateway = std::move(gateway)](const std::stop_token& stop) {
    runtime::Loop loop;
    const std::stop_callback on_stop(stop, [&loop] { loop.stop(); });
    loop.spawn(follow(&loop, socket, known, &gateway));
    loop.spawn(report(&loop, socket, &gateway));
    loop.run();
  });
}

}  // namespace pgkeel::app
