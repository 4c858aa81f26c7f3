// A visitor of a variant, made of lambdas.
#pragma once

namespace deimos::testkit {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace deimos::testkit
