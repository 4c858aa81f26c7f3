#include <deimos/fake/plan.h>

#include <stdexcept>

namespace deimos::fake {

void validate(const Plan& plan, NodeId nodes) {
  for (const PlannedFault& planned : plan.faults) {
    try {
      if (planned.after.count() < 0) throw std::invalid_argument("a fault after a negative duration");
      validate(planned.fault, nodes);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("faults[" + std::to_string(&planned - plan.faults.data()) + "]: " + error.what());
    }
  }
}

}  // namespace deimos::fake
