//go:build onednn

// The functions of oneDNN and of OpenMP that are called: X(name) for each. They are found when
// they are first needed, and a program runs without them until then: see load.cc.
#ifndef ALEXCTL_ONEDNN_FUNCTIONS_H
#define ALEXCTL_ONEDNN_FUNCTIONS_H

#define OD_OPENMP(X) \
  X(GOMP_parallel) \
  X(omp_get_num_threads) \
  X(omp_get_thread_num) \
  X(omp_set_num_threads)

#define OD_BOTH(X) \
  X(dnnl_engine_create) \
  X(dnnl_engine_destroy) \
  X(dnnl_get_effective_cpu_isa) \
  X(dnnl_memory_desc_equal) \
  X(dnnl_memory_destroy) \
  X(dnnl_post_ops_append_eltwise) \
  X(dnnl_post_ops_create) \
  X(dnnl_post_ops_destroy) \
  X(dnnl_primitive_attr_create) \
  X(dnnl_primitive_attr_destroy) \
  X(dnnl_primitive_attr_set_post_ops) \
  X(dnnl_primitive_create) \
  X(dnnl_primitive_desc_destroy) \
  X(dnnl_primitive_desc_query_md) \
  X(dnnl_primitive_destroy) \
  X(dnnl_primitive_execute) \
  X(dnnl_reorder_primitive_desc_create) \
  X(dnnl_sgemm) \
  X(dnnl_stream_create) \
  X(dnnl_stream_destroy) \
  X(dnnl_version)

#define OD_OF_2(X) \
  X(dnnl_dilated_convolution_backward_data_desc_init) \
  X(dnnl_dilated_convolution_backward_weights_desc_init) \
  X(dnnl_dilated_convolution_forward_desc_init) \
  X(dnnl_matmul_desc_init) \
  X(dnnl_memory_create) \
  X(dnnl_memory_desc_get_size) \
  X(dnnl_memory_desc_init_by_strides) \
  X(dnnl_memory_desc_init_by_tag) \
  X(dnnl_primitive_desc_iterator_create) \
  X(dnnl_primitive_desc_iterator_destroy) \
  X(dnnl_primitive_desc_iterator_fetch)

#define OD_OF_3(X) \
  X(dnnl_convolution_backward_data_primitive_desc_create) \
  X(dnnl_convolution_backward_weights_primitive_desc_create) \
  X(dnnl_convolution_forward_primitive_desc_create) \
  X(dnnl_matmul_primitive_desc_create) \
  X(dnnl_memory_create_v2) \
  X(dnnl_memory_desc_clone) \
  X(dnnl_memory_desc_create_with_strides) \
  X(dnnl_memory_desc_create_with_tag) \
  X(dnnl_memory_desc_destroy) \
  X(dnnl_memory_desc_get_size_v2) \
  X(dnnl_memory_desc_query) \
  X(dnnl_memory_desc_query_v2)

#endif
