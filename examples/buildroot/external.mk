include $(sort $(wildcard $(BR2_EXTERNAL_MDEVD_PATH)/package/*/*.mk))
