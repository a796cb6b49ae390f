// A container engine in front of a real one: it knows the restart policy of the container "pg" and
// can change it, which the Podman of Debian 12 cannot; or says so and does nothing. Everything else
// is the real one's answer, but events, which it does not tell.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/http.hpp"
#include "runtime/loop.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {

class PolicyEngine {
 public:
  enum class Manner { Obeys, SaysYesOnly };

  /// The real one's socket, and what the policy is at first.
  PolicyEngine(std::filesystem::path real, std::string policy);
  ~PolicyEngine();
  PolicyEngine(const PolicyEngine&) = delete;
  PolicyEngine& operator=(const PolicyEngine&) = delete;

  [[nodiscard]] std::filesystem::path socket() const { return dir_ / "s"; }
  void behave(Manner manner);
  [[nodiscard]] std::string policy() const;
  /// What it was told to do to "pg", in order: "policy no", "stop", "start".
  [[nodiscard]] std::vector<std::string> told() const;

 private:
  runtime::Task<runtime::HttpResponse> answer(runtime::HttpRequest request);
  [[nodiscard]] bool take_policy(const runtime::HttpRequest& request);
  [[nodiscard]] std::string with_policy(const std::string& body) const;

  test::TempDir dir_;
  std::filesystem::path real_;
  runtime::Loop loop_;
  std::unique_ptr<runtime::HttpServer> server_;
  std::thread thread_;
  mutable std::mutex mutex_;  // guards what follows
  Manner manner_ = Manner::Obeys;
  std::string policy_;
  std::vector<std::string> told_;
};

}  // namespace pgkeel::chaos
