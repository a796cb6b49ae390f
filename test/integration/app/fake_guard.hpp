// The real API over a guard that only remembers what it was asked: the commands are tested against
// the shapes that `serve` really gives.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/loop.hpp"
#include "serve/api.hpp"

namespace pgkeel::test {

class FakeGuard final : public serve::StatusSource,
                        public serve::Control,
                        public serve::IncidentSource,
                        public serve::LogSource {
 public:
  /// Listens at `state_dir`/guard.sock from its own thread until it is destroyed.
  explicit FakeGuard(const std::filesystem::path& state_dir);
  ~FakeGuard() override;

  serve::Status snapshot;
  std::string where = "host=/nowhere port=5432 user=postgres dbname=postgres";
  std::vector<incident::Incident> incidents;
  std::vector<std::string> log = {"first", "second", "third"};
  /// Not Failed: what every action answers.
  ErrorCode refusal = ErrorCode::Failed;

  /// "pause 7200000", "unfence root", in order.
  [[nodiscard]] std::vector<std::string> asked() const;

  [[nodiscard]] serve::Status status() const override { return snapshot; }
  [[nodiscard]] Result<std::string> conninfo() const override { return where; }
  runtime::Task<Result<>> pause(std::optional<Millis> duration) override;
  runtime::Task<Result<>> resume() override;
  runtime::Task<Result<>> unfence(std::string who) override;
  runtime::Task<Result<std::vector<std::string>>> unfence_plan() override;
  runtime::Task<Result<>> set_anchor(bool wanted) override;
  runtime::Task<Result<>> apply_application(std::string who) override;
  runtime::Task<Result<>> forget_relation(std::string database, std::string relation,
                                          std::string who) override;
  runtime::Task<Result<>> forget_database(std::string database, std::string who) override;
  runtime::Task<Result<>> acknowledge(std::string incident, std::string who) override;
  runtime::Task<Result<>> abandon(std::string incident, std::string who) override;
  runtime::Task<Result<>> take_back(std::string incident) override;
  runtime::Task<Result<>> note_change(serve::NotedChange change) override;
  runtime::Task<Result<std::vector<incident::Incident>>> list(std::size_t most) override;
  runtime::Task<Result<incident::Incident>> load(std::string id) override;
  runtime::Task<Result<std::vector<std::string>>> tail(serve::LogKind kind,
                                                       std::size_t lines) override;

 private:
  Result<> note(std::string what);

  runtime::Loop loop_;
  std::unique_ptr<serve::Api> api_;
  mutable std::mutex mutex_;  // asked_ is read by the test's thread
  std::vector<std::string> asked_;
  std::thread thread_;
};

}  // namespace pgkeel::test
