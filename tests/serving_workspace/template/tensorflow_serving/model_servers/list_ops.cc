// Prints the registered ops of the names given, to see which ones are linked in.
#include <iostream>

#include "tensorflow/core/framework/op.h"

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const tensorflow::OpDef* op_def = nullptr;
    if (tensorflow::OpRegistry::Global()->LookUpOpDef(argv[i], &op_def).ok()) {
      std::cout << argv[i] << "\n";
    }
  }
}
