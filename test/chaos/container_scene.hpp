// A guard of a container under a real engine, with a writer that counts what it was acknowledged:
// where every test about containers begins.
#pragma once

#include "chaos/container_engine.hpp"

namespace pgkeel::chaos {

class ContainerScene : public testing::Test {
 protected:
  void SetUp() override {
    if (!ContainerEngine::possible())
      GTEST_SKIP() << "needs root, podman, crun and the image of ./dev setup";
    start_engine();
  }
  // In this order: the guard before the engine it talks to.
  void TearDown() override {
    scene_.writer.reset();
    scene_.stage.reset();
    engine_.reset();
  }
  virtual void start_engine() { engine_.emplace(); }

  /// The container, then its guard; `more` is what the guard is told besides.
  void build(const ContainerSpec& spec = {}, const app::GuardEnvironment& more = {}) {
    ASSERT_NO_FATAL_FAILURE(engine_->run(spec));
    auto environment = engine_->environment();
    environment.insert(environment.end(), more.begin(), more.end());
    watch(std::move(environment));
  }
  void watch(app::GuardEnvironment environment) {
    scene_ = build_scene(std::move(environment));
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(service_restored(scene_));
    // What the guard met while the entry point was still at it would go on as what is broken next,
    // and is verified once more every few seconds.
    EXPECT_TRUE(test::wait_until([this] { return settled(stage()); }, kPatience));
  }
  app::Stage& stage() { return *scene_.stage; }

  std::optional<ContainerEngine> engine_;
  Scene scene_;
};

}  // namespace pgkeel::chaos
