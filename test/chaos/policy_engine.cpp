// See policy_engine.hpp.
#include "chaos/policy_engine.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

using Json = nlohmann::json;
using runtime::HttpRequest;
using runtime::HttpResponse;

constexpr Seconds kRealOnesPatience{30};

HttpResponse says(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

}  // namespace

PolicyEngine::PolicyEngine(std::filesystem::path real, std::string policy)
    : real_(std::move(real)), policy_(std::move(policy)) {
  server_ = std::make_unique<runtime::HttpServer>(
      loop_, [this](HttpRequest request) { return answer(std::move(request)); });
  EXPECT_TRUE(server_->listen_unix(socket(), 0600).has_value());
  thread_ = std::thread([this] { loop_.run(); });
}

PolicyEngine::~PolicyEngine() {
  loop_.stop();
  thread_.join();
}

void PolicyEngine::behave(Manner manner) {
  const std::scoped_lock lock(mutex_);
  manner_ = manner;
}

std::string PolicyEngine::policy() const {
  const std::scoped_lock lock(mutex_);
  return policy_;
}

std::vector<std::string> PolicyEngine::told() const {
  const std::scoped_lock lock(mutex_);
  return told_;
}

bool PolicyEngine::take_policy(const HttpRequest& request) {
  const std::scoped_lock lock(mutex_);
  if (request.method == "POST" && request.path.ends_with("/start")) told_.emplace_back("start");
  if (request.method == "POST" && request.path.ends_with("/stop")) told_.emplace_back("stop");
  const auto body = Json::parse(request.body, nullptr, false);
  if (!request.path.ends_with("/update") || !body.contains("RestartPolicy")) return false;
  const auto wanted = body["RestartPolicy"]["Name"].get<std::string>();
  told_.push_back("policy " + wanted);
  if (manner_ == Manner::Obeys) policy_ = wanted;
  return true;
}

std::string PolicyEngine::with_policy(const std::string& body) const {
  auto json = Json::parse(body, nullptr, false);
  if (!json.is_object() || json.value("Name", "") != "/pg") return body;
  const std::scoped_lock lock(mutex_);
  json["HostConfig"]["RestartPolicy"] = {{"Name", policy_}, {"MaximumRetryCount", 0}};
  return json.dump();
}

runtime::Task<HttpResponse> PolicyEngine::answer(HttpRequest request) {
  if (take_policy(request)) co_return says(200, R"({"Warnings":[]})");
  if (request.path.ends_with("/events")) co_return says(404, R"({"message":"no events"})");
  const bool inspects = request.path.contains("/containers/") && request.path.ends_with("/json");
  const runtime::HttpEndpoint real{real_, "", 0};
  request.headers.erase("host");
  request.headers.erase("content-length");
  auto response = co_await runtime::http_request(loop_, real, std::move(request),
                                                 loop_.after(kRealOnesPatience));
  if (!response) co_return says(502, R"({"message":"the real engine is away"})");
  if (!inspects) co_return says(response->status, response->body);
  co_return says(response->status, with_policy(response->body));
}

}  // namespace pgkeel::chaos
