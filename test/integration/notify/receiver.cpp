// See receiver.hpp.
#include "integration/notify/receiver.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pgkeel::test {

using runtime::HttpRequest;
using runtime::HttpResponse;

HttpResponse http_status(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

void Receiver::open(std::uint16_t port) {
  server_ = std::make_unique<runtime::HttpServer>(
      loop_, [this](HttpRequest request) { return answer(std::move(request)); });
  const auto listening = server_->listen_tcp("127.0.0.1", port == 0 ? port_ : port);
  ASSERT_TRUE(listening) << listening.error().message();
  port_ = *listening;
}

std::string Receiver::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

runtime::Task<HttpResponse> Receiver::answer(HttpRequest request) {
  asked.push_back(request);
  if (!trouble.empty()) {
    auto response = std::move(trouble.front());
    trouble.pop_front();
    co_return response;
  }
  taken.push_back(std::move(request));
  co_return http_status(200, R"({"ok":true,"result":{"message_id":1}})");
}

std::vector<std::string> Receiver::statuses() const {
  std::vector<std::string> all;
  for (const auto& request : taken) {
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    all.push_back(body.value("status", "none"));
  }
  return all;
}

std::vector<std::string> Receiver::texts() const {
  std::vector<std::string> all;
  for (const auto& request : taken) {
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    all.push_back(body.value("text", "none"));
  }
  return all;
}

}  // namespace pgkeel::test
